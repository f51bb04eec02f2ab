"""A change may name the edition that its caller saw, and is refused if somebody else changed the thing since."""

from ....domain import errors
from ....wire.common.base import Editable

Seen = frozenset[str]
"""Editions."""


def require(seen: Seen | None, now: Editable, what: str) -> None:
    """Raises ChangedMeanwhile unless `now` is an edition that was seen; None: any will do."""
    if seen is not None and now.edition() not in seen:
        raise errors.ChangedMeanwhile(f"{what} was changed since it was read.")
