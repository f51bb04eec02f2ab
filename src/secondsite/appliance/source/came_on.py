"""Since when a machine is on, as far as that was seen. Pure."""

from datetime import UTC, datetime

from ...fabrics.interface import PowerState

AT_REST = frozenset({PowerState.OFF, PowerState.SAVED, PowerState.MISSING})


def since(before: PowerState | None, known: datetime | None, now: PowerState) -> datetime | None:
    """Of a machine that was `before` when it was seen last, and `known` to be on since then. None: it is off, or was on when it was
    first seen."""
    if now in AT_REST:
        return None
    return datetime.now(UTC) if before in AT_REST else known
