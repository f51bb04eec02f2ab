"""Who may come in: registration keys for appliances, tokens for people. Only digests are kept."""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from ...domain import errors
from .. import ports
from . import rows, tables

KEYS = tables.registration_keys
TRUSTS = tables.appliance_trusts
PUBLIC = tables.appliance_keys
TOKENS = tables.tokens
Change = Callable[[], None]


class SqlRegistrationKeys:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: ports.KeyRecord) -> None:
        self._session.execute(insert(KEYS).values(**rows.row(key)))

    def use(self, key_sha256: str, now: datetime) -> ports.KeyRecord:
        """Locks the row, so that of two simultaneous uses one is refused."""
        query = select(KEYS).where(KEYS.c.key_sha256 == key_sha256).with_for_update()
        key = rows.one(self._session, ports.KeyRecord, query)
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
        self._session.execute(update(KEYS).where(KEYS.c.key_sha256 == key_sha256).values(used_at=now))
        return dataclasses.replace(key, used_at=now)


class SqlApplianceKeys:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance_id: str, key_sha256: str) -> None:
        rows.upsert(self._session, PUBLIC, {"appliance_id": appliance_id, "key_sha256": key_sha256})

    def put_first(self, appliance_id: str, key_sha256: str) -> None:
        rows.insert_new(self._session, PUBLIC, {"appliance_id": appliance_id, "key_sha256": key_sha256})

    def find(self, appliance_id: str) -> str | None:
        query = select(PUBLIC.c.key_sha256).where(PUBLIC.c.appliance_id == appliance_id)
        return self._session.execute(query).scalar_one_or_none()

    def all(self) -> Mapping[str, str]:
        found = self._session.execute(select(PUBLIC.c.appliance_id, PUBLIC.c.key_sha256))
        return {each.appliance_id: each.key_sha256 for each in found}


class SqlApplianceTrusts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, appliance_id: str, trust: ports.ApplianceTrust) -> None:
        rows.upsert(self._session, TRUSTS, {"appliance_id": appliance_id, **rows.row(trust)})

    def all(self) -> Mapping[str, ports.ApplianceTrust]:
        found = self._session.execute(select(TRUSTS))
        return {each.appliance_id: ports.ApplianceTrust(each.trusted, each.issuer) for each in found}


class KnownTokens:
    """Tokens as they were found last, by the digest of the secret that was shown. While a transaction changes one, none is kept, and
    all are forgotten when it begins to and when it has ended, however it did: so nobody who is answered later is let in by what was
    before. Safe from any thread.

    Right only where all changes are made by this process: with PostgreSQL the database is asked each time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = 0
        self._open = 0
        self._found: dict[str, ports.TokenRecord] = {}

    @property
    def changes(self) -> int:
        """How often they were forgotten."""
        return self._changes

    def find(self, token_sha256: str) -> ports.TokenRecord | None:
        return self._found.get(token_sha256)

    def keep(self, token_sha256: str, token: ports.TokenRecord, changes: int) -> None:
        """Unless something has changed since then, or is about to."""
        with self._lock:
            if changes == self._changes and not self._open:
                self._found[token_sha256] = token

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """Around a transaction, which calls what it is given before it changes a token."""
        begun: list[bool] = []

        def begin() -> None:
            if not begun:
                begun.append(True)
                self.begin()

        try:
            yield begin
        finally:
            if begun:
                self._forget(-1)

    def begin(self) -> None:
        """A transaction changes one. Nothing is kept any more, if nobody tells of its end."""
        self._forget(1)

    def _forget(self, more_open: int) -> None:
        with self._lock:
            self._open += more_open
            self._changes += 1
            self._found = {}


class SqlTokens:
    """`change` is called before one is changed."""

    def __init__(self, session: Session, change: Change) -> None:
        self._session = session
        self._change = change

    def add(self, token: ports.TokenRecord) -> None:
        """Raises AlreadyExists."""
        if self._session.execute(select(TOKENS.c.name).where(TOKENS.c.name == token.name)).first():
            raise errors.AlreadyExists(f"There is a token '{token.name}' already.")
        self._change()
        self._session.execute(insert(TOKENS).values(**rows.row(token)))

    def put(self, token: ports.TokenRecord) -> None:
        self._change()
        self._session.execute(update(TOKENS).where(TOKENS.c.id == token.id).values(**rows.row(token)))

    def find(self, token_sha256: str) -> ports.TokenRecord | None:
        either = or_(TOKENS.c.token_sha256 == token_sha256, TOKENS.c.former_sha256 == token_sha256)
        return rows.one(self._session, ports.TokenRecord, select(TOKENS).where(either))

    def used(self, token_id: str, at: datetime) -> None:
        self._session.execute(update(TOKENS).where(TOKENS.c.id == token_id).values(last_used_at=at))

    def list(self) -> Sequence[ports.TokenRecord]:
        return rows.many(self._session, ports.TokenRecord, select(TOKENS).order_by(TOKENS.c.name))

    def remove(self, name: str) -> None:
        self._change()
        self._session.execute(delete(TOKENS).where(TOKENS.c.name == name))
