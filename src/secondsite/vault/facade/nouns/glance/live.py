"""What those who follow a board are sent."""

from ...parts import Parts
from .board import Batch
from .boards import Boards


class Live:
    def __init__(self, parts: Parts, boards: Boards) -> None:
        self._parts = parts
        self._boards = boards

    def look(self, since: str | None, *, whole: bool) -> Batch:
        """Bring the caller's board up to date; gives what has changed since the mark, nothing without one.
        Raises StoreUnavailable."""
        with self._boards.looked_at(self._parts, whole=whole) as board:
            number = board.number if since is None else board.number_of(since)
            return board.batch(number, self._parts.now())

    def begin(self, mark: str | None) -> Batch:
        """As `batch`, after a look at everything: perhaps nobody has followed the board lately. Without a
        mark everything. Raises StoreUnavailable."""
        with self._boards.looked_at(self._parts, whole=True) as board:
            return board.batch(board.number_of(mark), self._parts.now())

    def batch(self, mark: str) -> Batch:
        """What has changed since the mark, as of the last look; everything if that is not known any more."""
        with self._boards.last(self._parts) as board:
            return board.batch(board.number_of(mark), self._parts.now())
