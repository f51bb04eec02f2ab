"""Since when a machine is on, as far as that was seen."""

from datetime import UTC, datetime

from ...domain.bring_up import NOT_ON
from ...fabrics.interface import PowerState


def since(before: PowerState | None, known: datetime | None, now: PowerState) -> datetime | None:
    """Of a machine that was `before` when it was seen last, and `known` to be on since then. None: it is
    off, or was on when it was first seen."""
    if now in NOT_ON:
        return None
    return datetime.now(UTC) if before in NOT_ON else known
