"""Lists a page at a time. A cursor holds the place of the last item that was given, so nothing is skipped or
given twice while items are added and removed. It is opaque: only the vault reads it."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from ....domain import errors

T = TypeVar("T")
Place = tuple[str | int, ...]


def page(items: Iterable[T], limit: int, place: Callable[[T], Place]) -> tuple[tuple[T, ...], str | None]:
    """The first `limit` of the items, and the cursor for those that follow; None when there are none."""
    found = tuple(islice(items, limit + 1))
    if len(found) <= limit:
        return found, None
    return found[:limit], cursor_of(place(found[limit - 1]))


def cursor_of(place: Place) -> str:
    """`place` as a cursor."""
    # Letters unescaped: escapes take three times as much, and names of 120 letters made cursors that no list
    # takes.
    text = json.dumps(place, ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str | None, kinds: tuple[type, ...]) -> Place | None:
    """The place of a cursor, whose parts are of these kinds; None without one. Raises InvalidArgument."""
    if cursor is None:
        return None
    try:
        place = tuple(json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise _refused(cursor) from None
    if tuple(type(part) for part in place) != kinds:
        raise _refused(cursor)
    return place


def _refused(cursor: str) -> errors.InvalidArgument:
    return errors.InvalidArgument(
        f"'{cursor[:50]}' is not a cursor of this list.",
        do="Give the `next` of the page before, with the same filters, or none to begin again.",
    )
