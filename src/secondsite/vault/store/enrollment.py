"""Enrollment of appliances: registration keys, the public keys that they may show, the CAs that they trust.
Only a registration key's digest is kept."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, insert, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A registration key, kept only as its SHA-256."""

    key_sha256: str
    site: str
    expires_at: datetime
    used_at: datetime | None = None
    replaces: str | None = None
    """The id of the appliance that enrolls again with it."""


@dataclass(frozen=True, slots=True)
class ApplianceTrust:
    """What an appliance reported last, as fingerprints: the CAs that it trusts, and the CA that issued its
    certificate."""

    trusted: tuple[str, ...]
    issuer: str


REGISTRATION_KEYS = Table(
    "registration_keys",
    metadata,
    Column("key_sha256", String(64), primary_key=True),
    Column("site", ForeignKey("sites.name", ondelete="CASCADE"), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("replaces", String(64)),
)

# Not in the appliances' rows: these are written whole with each status, and could write old keys back.
APPLIANCE_KEYS = Table(
    "appliance_keys",
    metadata,
    Column("appliance_id", ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True),
    Column("key_sha256", String(64), nullable=False),
)

APPLIANCE_TRUSTS = Table(
    "appliance_trusts",
    metadata,
    Column("appliance_id", ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True),
    Column("trusted", ShapeColumn(tuple[str, ...]), nullable=False),
    Column("issuer", String(64), nullable=False),
)


class RegistrationKeys:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: KeyRecord) -> None:
        self._session.execute(insert(REGISTRATION_KEYS).values(**rows.row(key)))

    def use(self, key_sha256: str, now: datetime) -> KeyRecord:
        """Use the key; raises RegistrationRefused. Locks the row, so that of two simultaneous uses one is
        refused."""
        query = (
            select(REGISTRATION_KEYS).where(REGISTRATION_KEYS.c.key_sha256 == key_sha256).with_for_update()
        )
        key = rows.one(self._session, KeyRecord, query)
        if key is None:
            raise errors.RegistrationRefused("This vault does not know the registration key.")
        if key.used_at is not None:
            raise errors.RegistrationRefused(
                f"The registration key was used at {key.used_at:%Y-%m-%d %H:%M:%SZ}."
            )
        if key.expires_at <= now:
            raise errors.RegistrationRefused(
                f"The registration key expired at {key.expires_at:%Y-%m-%d %H:%M:%SZ}."
            )
        self._session.execute(
            update(REGISTRATION_KEYS).where(REGISTRATION_KEYS.c.key_sha256 == key_sha256).values(used_at=now)
        )
        return dataclasses.replace(key, used_at=now)


class ApplianceKeys:
    """The SHA-256 of the public key that each appliance may show. An appliance that enrolled with an earlier
    release has none until it is first seen."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance_id: str, key_sha256: str) -> None:
        rows.upsert(self._session, APPLIANCE_KEYS, {"appliance_id": appliance_id, "key_sha256": key_sha256})

    def put_first(self, appliance_id: str, key_sha256: str) -> None:
        """Keep the key, unless the appliance has one."""
        rows.insert_new(
            self._session, APPLIANCE_KEYS, {"appliance_id": appliance_id, "key_sha256": key_sha256}
        )

    def find(self, appliance_id: str) -> str | None:
        query = select(APPLIANCE_KEYS.c.key_sha256).where(APPLIANCE_KEYS.c.appliance_id == appliance_id)
        return self._session.execute(query).scalar_one_or_none()

    def all(self) -> Mapping[str, str]:
        found = self._session.execute(select(APPLIANCE_KEYS.c.appliance_id, APPLIANCE_KEYS.c.key_sha256))
        return {each.appliance_id: each.key_sha256 for each in found}


class ApplianceTrusts:
    """The trust of each appliance, written when it is reported; an earlier release reports none."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance_id: str, trust: ApplianceTrust) -> None:
        rows.upsert(self._session, APPLIANCE_TRUSTS, {"appliance_id": appliance_id, **rows.row(trust)})

    def all(self) -> Mapping[str, ApplianceTrust]:
        found = self._session.execute(select(APPLIANCE_TRUSTS))
        return {each.appliance_id: ApplianceTrust(each.trusted, each.issuer) for each in found}
