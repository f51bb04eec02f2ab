"""One SQLite transaction, and so one flush, for the works of several threads that wait to write.

A flush takes some milliseconds, whatever it flushes, and a batch of a thousand jobs makes ten thousand
transitions.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from .database import WorkTurn
from .sessions import begin, transaction

T = TypeVar("T")
Opened = Callable[[Session], None]


class _Request(Generic[T]):
    """A work that a thread waits for, and its result."""

    def __init__(self, work: Callable[[Session], T]) -> None:
        self.work = work
        self.settled = False
        self.problem: BaseException | None = None
        self._given: list[T] = []

    def do(self, session: Session) -> None:
        self._given = [self.work(session)]

    def settle(self, problem: BaseException | None = None) -> None:
        self.settled, self.problem = True, problem

    def given(self) -> T:
        if self.problem is not None:
            raise self.problem
        return self._given[0]


class GroupCommit:
    """Commits works in groups: the first thread does what all have asked for meanwhile. Safe from any
    thread."""

    def __init__(self, db: Engine, opened: Opened, turn: WorkTurn) -> None:
        self._db = db
        self._turn = turn
        self._opened = opened
        self._asked: list[_Request[object]] = []
        self._adding = threading.Lock()
        self._doing = threading.Lock()

    def do(self, work: Callable[[Session], T]) -> T:
        """The result of `work`, once it is committed; raises what it raises. A work may be done on another
        thread, and more than once: if one of a group fails, none of them is kept, and each is done by
        itself."""
        mine = _Request(work)
        with self._adding:
            self._asked.append(mine)  # type: ignore[arg-type]  # a list of works of all kinds
        with self._doing:
            if not mine.settled:
                self._do_all(self._taken())
        return mine.given()

    def _taken(self) -> list[_Request[object]]:
        with self._adding:
            taken, self._asked = self._asked, []
        return taken

    def _do_all(self, asked: list[_Request[object]]) -> None:
        if len(asked) > 1 and self._is_done(asked):
            return
        for each in asked:
            self._do_alone(each)

    def _is_done(self, asked: list[_Request[object]]) -> bool:
        try:
            self._commit(asked)
        except BaseException:  # which work failed shows when each is done by itself
            return False
        for each in asked:
            each.settle()
        return True

    def _do_alone(self, asked: _Request[object]) -> None:
        try:
            self._commit([asked])
        except BaseException as problem:
            asked.settle(problem)
        else:
            asked.settle()

    def _commit(self, asked: list[_Request[object]]) -> None:
        with transaction(self._db) as session:
            begin(session)  # take the write lock now, so that a time that a work reads is not old
            with self._turn.taken():
                self._opened(session)
                for each in asked:
                    each.do(session)
