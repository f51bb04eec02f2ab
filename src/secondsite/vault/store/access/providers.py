"""Providers of OpenID Connect, and log-ins that are on their way to one and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, Text, delete, insert, select
from sqlalchemy.orm import Session

from ....domain.access.providers import Provider
from ..sql import rows
from ..sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """A provider in its last edition. `secret` is what the vault shows it; `shown_to`: the persons who set it
    up, and so could come from it under any name."""

    name: str
    provider: Provider
    secret: str
    created_at: datetime
    changed_at: datetime
    shown_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderLogin:
    """A browser that was sent to a provider. It comes back with what `state_sha256` is the digest of, and has
    kept what `browser_sha256` is the digest of."""

    state_sha256: str
    browser_sha256: str
    provider: str
    redirect_uri: str
    nonce: str
    verifier: str
    address: str
    until: datetime


PROVIDERS = Table(
    "providers",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("provider", ShapeColumn(Provider), nullable=False),
    Column("secret", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("shown_to", ShapeColumn(tuple[str, ...]), nullable=False),
)

PROVIDER_LOGINS = Table(
    "provider_logins",
    metadata,
    Column("state_sha256", String(64), primary_key=True),
    Column("browser_sha256", String(64), nullable=False),
    Column("provider", String(63), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("nonce", String(64), nullable=False),
    Column("verifier", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("until", UtcDateTime, nullable=False, index=True),
)


class Providers:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: ProviderRecord) -> None:
        """Add the provider, or replace the one with that name."""
        rows.upsert(self._session, PROVIDERS, rows.row(record))

    def find(self, name: str) -> ProviderRecord | None:
        return rows.one(self._session, ProviderRecord, select(PROVIDERS).where(PROVIDERS.c.name == name))

    def list(self) -> Sequence[ProviderRecord]:
        """All providers, by name."""
        return rows.many(self._session, ProviderRecord, select(PROVIDERS).order_by(PROVIDERS.c.name))

    def remove(self, name: str) -> None:
        """Delete the provider, and the log-ins that are on their way to it."""
        self._session.execute(delete(PROVIDERS).where(PROVIDERS.c.name == name))
        self._session.execute(delete(PROVIDER_LOGINS).where(PROVIDER_LOGINS.c.provider == name))


class ProviderLogins:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, login: ProviderLogin, most: int) -> None:
        """Add it; of more than `most` the oldest go."""
        oldest = select(PROVIDER_LOGINS.c.state_sha256).order_by(PROVIDER_LOGINS.c.until.desc())
        beyond = self._session.execute(oldest.offset(most - 1)).scalars().all()
        for part in rows.parts(beyond):
            self._session.execute(delete(PROVIDER_LOGINS).where(PROVIDER_LOGINS.c.state_sha256.in_(part)))
        self._session.execute(insert(PROVIDER_LOGINS).values(**rows.row(login)))

    def take(self, state_sha256: str) -> ProviderLogin | None:
        """The log-in, which is there no more: it ends once."""
        this = PROVIDER_LOGINS.c.state_sha256 == state_sha256
        found = rows.one(self._session, ProviderLogin, select(PROVIDER_LOGINS).where(this).with_for_update())
        removed = self._session.execute(delete(PROVIDER_LOGINS).where(this)).rowcount  # type: ignore[attr-defined]
        return found if removed else None

    def forget(self, now: datetime) -> None:
        """Forget those whose time is over."""
        self._session.execute(delete(PROVIDER_LOGINS).where(PROVIDER_LOGINS.c.until <= now))
