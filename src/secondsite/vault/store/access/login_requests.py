"""Command lines that wait until somebody who is logged in approves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, String, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from ....domain.access.sessions import LogInWay
from ..sql import rows
from ..sql.columns import UtcDateTime, Word, metadata


@dataclass(frozen=True, slots=True)
class LoginRequestRecord:
    """A command line that wants to log in. Whoever has the secret of `poll_sha256` gets the session, once
    `holder_sha256` says whose it is."""

    code: str
    poll_sha256: str
    program: str
    address: str
    asked_at: datetime
    until: datetime
    refused: bool = False
    holder_sha256: str | None = None
    way: LogInWay | None = None
    last: datetime | None = None
    """The session ends then at the latest."""


LOGIN_REQUESTS = Table(
    "login_requests",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("poll_sha256", String(64), nullable=False, unique=True),
    Column("program", String(200), nullable=False),
    Column("address", String(64), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("refused", Boolean, nullable=False),
    Column("holder_sha256", String(64)),
    Column("way", Word(LogInWay)),
    Column("last", UtcDateTime),
)


class LoginRequests:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: LoginRequestRecord) -> None:
        self._session.execute(insert(LOGIN_REQUESTS).values(**rows.row(record)))

    def put(self, record: LoginRequestRecord) -> None:
        this = LOGIN_REQUESTS.c.code == record.code
        self._session.execute(update(LOGIN_REQUESTS).where(this).values(**rows.row(record)))

    def find(self, code: str) -> LoginRequestRecord | None:
        query = select(LOGIN_REQUESTS).where(LOGIN_REQUESTS.c.code == code)
        return rows.one(self._session, LoginRequestRecord, query)

    def of_poll(self, poll_sha256: str) -> LoginRequestRecord | None:
        query = select(LOGIN_REQUESTS).where(LOGIN_REQUESTS.c.poll_sha256 == poll_sha256)
        return rows.one(self._session, LoginRequestRecord, query)

    def list(self) -> Sequence[LoginRequestRecord]:
        """All, the oldest first."""
        query = select(LOGIN_REQUESTS).order_by(LOGIN_REQUESTS.c.asked_at)
        return rows.many(self._session, LoginRequestRecord, query)

    def remove(self, code: str) -> None:
        self._session.execute(delete(LOGIN_REQUESTS).where(LOGIN_REQUESTS.c.code == code))
