"""A change may name the editions that its caller saw: it is refused if somebody changed the thing since."""

from ....domain import errors
from ....wire.common.base import Editable

Seen = frozenset[str]
"""The editions that a caller saw."""


def require(seen: Seen | None, now: Editable, what: str) -> None:
    """Raises ChangedMeanwhile unless `now` is an edition that was seen; None accepts any."""
    if seen is not None and now.edition() not in seen:
        raise errors.ChangedMeanwhile(f"{what} was changed since it was read.")
