"""Sessions of whoever logged in. Only digests of their secrets are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, String, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from ....domain.access.sessions import LogInWay, SessionKind
from ..sql import rows
from ..sql.columns import UtcDateTime, Word, metadata
from .holders import HolderRecord
from .known_secrets import Change


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session. It belongs to the token or person with `holder_id`, and counts as long as their secret or
    mark `holder_sha256` does. `seen_at` is some minutes late."""

    id: str
    secret_sha256: str
    kind: SessionKind
    way: LogInWay
    who: str
    holder_id: str
    holder_sha256: str
    began_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    program: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session with what it was begun with, as that is now."""

    session: SessionRecord
    holder: HolderRecord
    needs_second_factor: bool = False
    """Whether roles above reader need a second factor."""


SESSIONS = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("kind", Word(SessionKind), nullable=False),
    Column("way", Word(LogInWay), nullable=False),
    Column("who", String(100), nullable=False),
    Column("holder_id", String(64), nullable=False),
    Column("holder_sha256", String(64), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("address", String(64), nullable=False),
    Column("program", String(200), nullable=False),
    Index("ix_sessions_holder_id", "holder_id"),
)


class Sessions:
    """The sessions. `change` is called before one ends."""

    def __init__(self, session: Session, change: Change) -> None:
        self._session = session
        self._change = change

    def add(self, record: SessionRecord) -> None:
        self._session.execute(insert(SESSIONS).values(**rows.row(record)))

    def find(self, secret_sha256: str) -> SessionRecord | None:
        query = select(SESSIONS).where(SESSIONS.c.secret_sha256 == secret_sha256)
        return rows.one(self._session, SessionRecord, query)

    def list(self, holder_id: str | None = None) -> Sequence[SessionRecord]:
        """The sessions of one holder, or all; the oldest first."""
        query = select(SESSIONS).order_by(SESSIONS.c.began_at, SESSIONS.c.id)
        if holder_id is not None:
            query = query.where(SESSIONS.c.holder_id == holder_id)
        return rows.many(self._session, SessionRecord, query)

    def seen(self, session_id: str, at: datetime) -> None:
        self._session.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(seen_at=at))

    def remove(self, session_id: str) -> None:
        self._change()
        self._session.execute(delete(SESSIONS).where(SESSIONS.c.id == session_id))

    def remove_of(self, holder_id: str) -> None:
        self._change()
        self._session.execute(delete(SESSIONS).where(SESSIONS.c.holder_id == holder_id))

    def remove_all(self) -> None:
        self._change()
        self._session.execute(delete(SESSIONS))

    def forget(self, before: datetime) -> None:
        """Delete those that ended before then."""
        self._session.execute(delete(SESSIONS).where(SESSIONS.c.ends_at < before))
