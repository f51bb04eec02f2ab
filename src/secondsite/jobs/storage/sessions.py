"""Sessions for one transaction each, and functions to call when it commits.

A batch of a thousand machines has forty thousand transactions. SQLAlchemy's own session takes longer to open
and close than most of them to run, for the sake of mapped objects, which are not used here. Listening to one
session takes as long as opening it: so there is one listener to all. On SQLite a transaction of prepared
statements is the driver's (`prepared.driver_transaction`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, CursorResult, Engine, Executable, event
from sqlalchemy.orm import Session

from .prepared import driver_transaction

log = structlog.get_logger(__name__)
Do = Callable[[Session], None]
_BEFORE, _AFTER = "secondsite_before_commit", "secondsite_after_commit"


class _Brief(Session):
    """A session with one connection, for one transaction, which begins with the first statement."""

    def __init__(self, db: Engine) -> None:
        super().__init__(db)
        self._db = db
        self._line: Connection | None = None
        self.direct = driver_transaction.opened(db)
        """The driver's transaction, in which prepared statements run until a statement needs SQLAlchemy."""

    def get_bind(self, *_which: object, **_options: object) -> Engine:
        return self._db

    def connection(self, *_how: object, **_options: object) -> Connection:
        if self._line is None:
            begun, self.direct = self.direct, None
            self._line = self._db.connect() if begun is None else begun.connection()
            self._line.begin()
        return self._line

    def execute(  # type: ignore[override]  # of all its forms the one that is in use
        self,
        statement: Executable,
        params: Mapping[str, object] | Sequence[Mapping[str, object]] | None = None,
    ) -> CursorResult[*tuple[object, ...]]:
        return self.connection().execute(statement, params)

    def commit(self) -> None:
        self.dispatch.before_commit(self)
        for line in (self._line, self.direct):
            if line is not None:
                line.commit()
        self.dispatch.after_commit(self)

    def rollback(self) -> None:
        for line in (self._line, self.direct):
            if line is not None:
                line.rollback()

    def close(self) -> None:
        for line in (self._line, self.direct):
            if line is not None:
                line.close()


@contextmanager
def transaction(db: Engine) -> Iterator[Session]:
    """A session whose transaction commits at the end of the block, and is rolled back when the block
    raises."""
    session = _Brief(db)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


def begin(session: Session) -> None:
    """Begin the transaction now, not with the first statement; one that writes then has SQLite's write
    lock."""
    if isinstance(session, _Brief) and session.direct is not None:
        session.direct.begin()
    else:
        session.connection()


def before_commit(session: Session, do: Do) -> None:
    """Call `do` in the transaction, at its end; not if it is rolled back."""
    session.info.setdefault(_BEFORE, []).append(do)


def after_commit(session: Session, do: Do) -> None:
    """Call `do` once the transaction has committed."""
    session.info.setdefault(_AFTER, []).append(do)


def _do_before(session: Session) -> None:
    for do in session.info.pop(_BEFORE, ()):
        do(session)


def _do_after(session: Session) -> None:
    """Call the functions after the commit: an error in one of them must not make the commit look refused, or
    the work would be done twice."""
    for do in session.info.pop(_AFTER, ()):
        try:
            do(session)
        except Exception:
            log.exception("commit.not-told")


event.listen(Session, "before_commit", _do_before)
event.listen(Session, "after_commit", _do_after)
