"""Whoever changes what they have seen may say which edition they saw: another one in between refuses the change."""

from ....domain import errors
from ....wire.common.base import Editable

ANY = "*"
Seen = frozenset[str]
"""Editions, or ANY."""


def require(seen: Seen | None, now: Editable, what: str) -> None:
    """Raises ChangedMeanwhile unless `now` is an edition that was seen; None asks for nothing."""
    if seen is not None and ANY not in seen and now.edition() not in seen:
        raise errors.ChangedMeanwhile(f"{what} was changed since it was read.")
