"""The power of a machine, without the pauses of its group's common points: these last a moment, are not its
owner's, and must not be an obstacle."""

import time

from ...fabrics.interface import PowerState
from .context import Context

LASTS_SECONDS = 5.0
"""How long to wait for the end of such a pause: longer than a common point takes on a busy host."""
LOOK_SECONDS = 0.1


def power(context: Context, fabric_id: str) -> PowerState:
    """The machine's power, after waiting for a common point's pause to end."""
    until = time.monotonic() + min(LASTS_SECONDS, context.left_seconds())
    while (found := context.fabric.power.state(fabric_id)) is PowerState.PAUSED:
        if time.monotonic() >= until:
            break
        time.sleep(LOOK_SECONDS)
    return found
