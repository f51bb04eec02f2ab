"""A group's common point pauses its machines for a moment: that is not their owner's pause, and stands in
the way of nothing."""

import time

from ...fabrics.interface import PowerState
from .context import Context

LASTS_SECONDS = 5.0
"""Longer than a common point on a busy host."""
LOOK_SECONDS = 0.1


def power(context: Context, fabric_id: str) -> PowerState:
    """The machine's power, once a pause of ours would be over."""
    until = time.monotonic() + min(LASTS_SECONDS, context.left_seconds())
    while (found := context.fabric.power.state(fabric_id)) is PowerState.PAUSED:
        if time.monotonic() >= until:
            break
        time.sleep(LOOK_SECONDS)
    return found
