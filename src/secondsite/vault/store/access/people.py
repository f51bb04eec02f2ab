"""People who log in with a name. Of passwords and links only digests are kept."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session

from ....domain.access.roles import Role
from ....domain.access.security_keys import SecurityKey
from ....domain.access.sessions import LogInWay
from ..sql import rows
from ..sql.columns import ShapeColumn, UtcDateTime, Word, metadata
from .known_secrets import Change


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """A person. What somebody does, asks or grants counts while `mark_sha256` is the same: a change of role,
    password or standing gives a new one, which ends sessions. `shown_to`: the persons who were shown a link
    that lets in as this one."""

    name: str
    mark_sha256: str
    created_at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    roles: tuple[Role, ...] = ()
    site: str | None = None
    shown_to: tuple[str, ...] = ()
    disabled_at: datetime | None = None
    password_hash: str | None = None
    link_sha256: str | None = None
    """A link that lets in once, until then: by an administrator, or by root at the vault's host."""
    link_way: LogInWay | None = None
    link_until: datetime | None = None
    totp_secret: str | None = None
    totp_wanted: str | None = None
    """The secret that was shown, until a code of it comes."""
    totp_step: int | None = None
    """The half minute of the last code that counted: no code counts twice."""
    recovery_sha256: tuple[str, ...] = ()
    """What is left of the codes for whoever lost the other ones."""
    security_keys: tuple[SecurityKey, ...] | None = None
    last_login_at: datetime | None = None
    last_address: str = ""
    provider: str | None = None
    """The provider that says who the person is, by the id `subject` there; None: a password does."""
    subject: str | None = None

    @property
    def keys(self) -> tuple[SecurityKey, ...]:
        return self.security_keys or ()

    @property
    def has_second_factor(self) -> bool:
        return self.totp_secret is not None or bool(self.security_keys)


PEOPLE = Table(
    "people",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("mark_sha256", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("roles", ShapeColumn(tuple[Role, ...]), nullable=False),
    Column("site", String(63)),
    Column("shown_to", ShapeColumn(tuple[str, ...]), nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("password_hash", Text),
    Column("link_sha256", String(64), unique=True),
    Column("link_way", Word(LogInWay)),
    Column("link_until", UtcDateTime),
    Column("totp_secret", String(64)),
    Column("totp_wanted", String(64)),
    Column("totp_step", Integer),
    Column("recovery_sha256", ShapeColumn(tuple[str, ...]), nullable=False),
    Column("security_keys", ShapeColumn(tuple[SecurityKey, ...])),
    Column("last_login_at", UtcDateTime),
    Column("last_address", String(64), nullable=False),
    Column("provider", String(63)),
    Column("subject", String(255)),
    Index("ix_people_subject", "provider", "subject", unique=True),
)

# One row.
LOG_IN_RULES = Table(
    "log_in_rules",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("second_factor", Boolean, nullable=False),
)


PEOPLE_LOCK = "people"
"""Take it (`Transaction.one_at_a_time`) before a person is read who is put back: the whole record is put, and
a log-in at the same moment undid that its person was disabled."""


class People:
    """The people. `change` is called before one is changed."""

    def __init__(self, session: Session, change: Change) -> None:
        self._session = session
        self._change = change

    def add(self, person: PersonRecord) -> None:
        self._session.execute(insert(PEOPLE).values(**rows.row(person)))

    def put(self, person: PersonRecord) -> None:
        self._change()
        self._session.execute(update(PEOPLE).where(PEOPLE.c.id == person.id).values(**rows.row(person)))

    def find(self, mark_sha256: str) -> PersonRecord | None:
        """The person with this mark."""
        query = select(PEOPLE).where(PEOPLE.c.mark_sha256 == mark_sha256)
        return rows.one(self._session, PersonRecord, query)

    def named(self, name: str) -> PersonRecord | None:
        """The person with this name, in whatever capital letters."""
        query = select(PEOPLE).where(func.lower(PEOPLE.c.name) == name.lower())
        return rows.one(self._session, PersonRecord, query)

    def of_link(self, link_sha256: str) -> PersonRecord | None:
        query = select(PEOPLE).where(PEOPLE.c.link_sha256 == link_sha256)
        return rows.one(self._session, PersonRecord, query)

    def of_subject(self, provider: str, subject: str) -> PersonRecord | None:
        """The person whom this provider calls so."""
        query = select(PEOPLE).where(PEOPLE.c.provider == provider, PEOPLE.c.subject == subject)
        return rows.one(self._session, PersonRecord, query)

    def of_provider(self, provider: str) -> Sequence[PersonRecord]:
        """The people who come from this provider."""
        query = select(PEOPLE).where(PEOPLE.c.provider == provider).order_by(PEOPLE.c.name)
        return rows.many(self._session, PersonRecord, query)

    def list(self) -> Sequence[PersonRecord]:
        return rows.many(self._session, PersonRecord, select(PEOPLE).order_by(PEOPLE.c.name))

    def remove(self, person_id: str) -> None:
        self._change()
        self._session.execute(delete(PEOPLE).where(PEOPLE.c.id == person_id))

    def end_links(self) -> None:
        """No link lets in any more."""
        self._change()
        self._session.execute(update(PEOPLE).values(link_sha256=None, link_way=None, link_until=None))

    def need_second_factor(self) -> bool:
        """Whether roles above reader need a second factor."""
        return bool(self._session.execute(select(LOG_IN_RULES.c.second_factor)).scalar())

    def set_need_second_factor(self, needed: bool) -> None:
        self._change()
        rows.upsert(self._session, LOG_IN_RULES, {"id": 1, "second_factor": needed})
