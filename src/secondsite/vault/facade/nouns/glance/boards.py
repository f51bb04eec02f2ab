"""The boards of a vault: one for all who see the same."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from ...callers import Caller
from ...parts import Parts
from ..events import Events
from .board import Board
from .looking import Looked, look

MOST_BOARDS = 32
"""Boards that are kept: those of the callers who looked last."""


class Boards:
    """Safe from any thread."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._found: dict[Hashable, Looked] = {}

    @contextmanager
    def looked_at(self, parts: Parts, *, whole: bool) -> Iterator[Board]:
        """The board of the caller, which nobody changes within the block: up to date with what was told to
        have changed, or, with `whole`, with everything. Raises StoreUnavailable."""
        looked = self._of(sight(parts.caller))
        with looked.lock:
            look(looked, parts, self._events, whole=whole)
            yield looked.board

    @contextmanager
    def last(self, parts: Parts) -> Iterator[Board]:
        """The board as it was after the last look."""
        looked = self._of(sight(parts.caller))
        with looked.lock:
            yield looked.board

    def _of(self, key: Hashable) -> Looked:
        with self._lock:
            found = self._found.pop(key, None) or Looked()
            self._found[key] = found
            while len(self._found) > MOST_BOARDS:
                del self._found[next(iter(self._found))]
            return found


def sight(caller: Caller) -> Hashable:
    """The key under which callers see the same: one for all who see the whole vault, else one per caller, who
    sees the jobs that they started."""
    if caller.grant.site is None:
        return None
    return caller.grant.site, caller.token_id, caller.name, caller.since
