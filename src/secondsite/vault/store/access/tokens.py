"""Access tokens of people and programs. Only digests are kept."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, Index, String, Table, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from ....domain import errors
from ....domain.access.roles import Role
from ..sql import rows
from ..sql.columns import ShapeColumn, UtcDateTime, metadata
from .known_secrets import Change


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """An access token, of which only the SHA-256 of the secret is kept. A rotation replaces it: the `former`
    one also opens until its end. `id` is never used again; names may be. `expires_at` None: it does not
    expire."""

    name: str
    token_sha256: str
    created_at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    roles: tuple[Role, ...] = ()
    site: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    former_sha256: str | None = None
    former_until: datetime | None = None
    person: str | None = None
    """The person whose token it is; None: the token's name stands for the person."""
    shown_to: tuple[str, ...] = ()
    """The persons who saw one of its secrets when it was made."""


TOKENS = Table(
    "tokens",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("id", String(64), nullable=False),
    Column("roles", ShapeColumn(tuple[Role, ...]), nullable=False),
    Column("site", String(63)),
    Column("issued_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("former_sha256", String(64)),
    Column("former_until", UtcDateTime),
    Column("person", String(100)),
    Column("shown_to", ShapeColumn(tuple[str, ...]), nullable=False),
    Index("ix_tokens_former_sha256", "former_sha256"),
)


class Tokens:
    """The access tokens. `change` is called before one is changed."""

    def __init__(self, session: Session, change: Change) -> None:
        self._session = session
        self._change = change

    def add(self, token: TokenRecord) -> None:
        """Add a token. Raises AlreadyExists."""
        if self._session.execute(select(TOKENS.c.name).where(TOKENS.c.name == token.name)).first():
            raise errors.AlreadyExists(f"There is a token '{token.name}' already.")
        self._change()
        self._session.execute(insert(TOKENS).values(**rows.row(token)))

    def put(self, token: TokenRecord) -> None:
        self._change()
        self._session.execute(update(TOKENS).where(TOKENS.c.id == token.id).values(**rows.row(token)))

    def find(self, token_sha256: str) -> TokenRecord | None:
        """The token whose present or former secret has this digest."""
        either = or_(TOKENS.c.token_sha256 == token_sha256, TOKENS.c.former_sha256 == token_sha256)
        return rows.one(self._session, TokenRecord, select(TOKENS).where(either))

    def used(self, token_id: str, at: datetime) -> None:
        self._session.execute(update(TOKENS).where(TOKENS.c.id == token_id).values(last_used_at=at))

    def list(self) -> Sequence[TokenRecord]:
        return rows.many(self._session, TokenRecord, select(TOKENS).order_by(TOKENS.c.name))

    def remove(self, name: str) -> None:
        self._change()
        self._session.execute(delete(TOKENS).where(TOKENS.c.name == name))
