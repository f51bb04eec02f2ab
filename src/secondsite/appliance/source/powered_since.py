"""Since when a machine has been on, as far as that was seen."""

from datetime import UTC, datetime

from ...domain.bring_up import NOT_ON
from ...fabrics.interface import PowerState


def since(before: PowerState | None, known: datetime | None, now: PowerState) -> datetime | None:
    """Since when the machine is on; `before` is its power when it was last seen, `known` the time returned
    then. None if it is off, or was on when it was first seen."""
    if now in NOT_ON:
        return None
    return datetime.now(UTC) if before in NOT_ON else known
