"""Access tokens of people and programs."""

import dataclasses
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from ....domain import errors
from ....domain.access import roles
from ....domain.access.roles import Grant, Permission
from ....wire.rest import NewToken, Token, TokenCreate, TokenRotate
from ...store import HolderRecord, PersonRecord, TokenRecord, Transaction
from .. import holders
from ..callers import THE_VAULT, Caller
from ..parts import Parts
from ..refusals import SCHEDULE, SEVERAL, STRANGER
from ..shared import secrets
from ..shared.idempotency import Once, carry_out
from . import sites

NAME = re.compile(r"(?![0-9a-f]{32}$)[A-Za-z0-9]([A-Za-z0-9 ._@+-]{0,98}[A-Za-z0-9])?")
"""A token's name is used in paths and in the audit log, where it must not be mistaken for another's name, nor
for an id."""
NOT_A_TOKEN = frozenset({STRANGER, SEVERAL, THE_VAULT.name})
"""Names that the audit log uses for callers without a token."""


class Tokens:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def authenticate(self, token: str, address: str = "") -> Caller:
        """The caller whose token it is; raises Unauthenticated."""
        digest = secrets.digest(token)
        found = self._parts.store.token(digest) if secrets.is_token(token) else None
        if found is None:
            raise errors.Unauthenticated("The access token is not known to this vault.")
        return self._opened(found, digest, address)

    def recognize(self, token: str, address: str = "") -> Caller | None:
        """The caller whose token it is, if that is known without asking the database; else None. Raises
        Unauthenticated."""
        digest = secrets.digest(token)
        found = self._parts.store.known_token(digest)
        return None if found is None else self._opened(found, digest, address)

    def _opened(self, found: TokenRecord, digest: str, address: str) -> Caller:
        now = self._parts.now()
        holders.require_open(found, digest, now)
        self._parts.uses.note(found.id, now)
        return holders.caller(found, digest, address)

    def is_valid(self, caller: Caller) -> bool:
        """Whether the caller's token, or the session of one who logged in, is still valid."""
        return holders.stands(self._parts.store, caller, self._parts.uses.seen, self._parts.now())

    def list(self) -> Sequence[Token]:
        now = self._parts.now()
        with self._parts.store.reading() as tx:
            return [_shape(token, now) for token in tx.tokens.list()]

    def create(self, request: TokenCreate, once: Once | None = None) -> NewToken:
        """Create a token. Raises AlreadyExists, NotFound for an unknown site, InvalidArgument for roles that
        do not fit the scope."""
        grant = roles.checked(request.roles, request.site)
        until = _after(self._parts.now(), request.valid_seconds)

        def make() -> NewToken:
            tx.one_at_a_time("tokens")
            if grant.site is not None:
                sites.existing(self._parts, tx, grant.site)
            _check_person(request.person)
            require_free(tx, request.name, request.person or request.name)
            new = New(request.name, grant, until, request.person, self._persons(tx))
            made = issue(tx, new, self._parts.now())
            self._parts.note(after=_shape(_existing(tx, made.name), self._parts.now()))
            return made

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, NewToken, make, secret=True)

    def rotate(self, name: str, request: TokenRotate, once: Once | None = None) -> NewToken:
        """Give a token a new secret, valid for as long as the former one was from its beginning. Raises
        NotFound."""

        def renew() -> NewToken:
            tx.one_at_a_time("tokens")
            token = secrets.new_token()
            renewed = _rotated(
                _existing(tx, name), secrets.digest(token), self._parts.now(), request.former_valid_seconds
            )
            shown_to = tuple(sorted({*renewed.shown_to, *self._persons(tx)}))
            renewed = dataclasses.replace(renewed, shown_to=shown_to)
            tx.tokens.put(renewed)
            self._parts.note(after=_shape(renewed, self._parts.now()))
            return NewToken(name=renewed.name, token=token, expires_at=renewed.expires_at)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, NewToken, renew, secret=True)

    def delete(self, name: str) -> None:
        """Delete a token. Raises NotFound, or NotPossibleNow for the last one that can create others and does
        not expire: without it everybody might be locked out."""
        with self._parts.changing() as tx:
            tx.one_at_a_time("tokens")
            token = _existing(tx, name)
            self._parts.note(before=_shape(token, self._parts.now()))
            if not any(stays_in_charge(each) for each in tx.tokens.list() if each.id != token.id):
                raise errors.NotPossibleNow(
                    f"Token '{name}' is the last one that can create others and does not expire.",
                    do=(
                        "Create another first: 'secondsite token create NAME --role access_administrator "
                        "--valid never'."
                    ),
                )
            tx.tokens.remove(token.name)
            tx.sessions.remove_of(token.id)

    def _persons(self, tx: Transaction) -> tuple[str, ...]:
        """The person of the caller, who is shown the secret; none for the vault itself."""
        return persons_of(tx, self._parts.caller)


def persons_of(tx: Transaction, caller: Caller) -> tuple[str, ...]:
    """The person of the caller, who is shown a secret; none for the vault itself."""
    mine = tx.holders.find(caller.token_sha256)
    return () if mine is None else (holders.of(mine).person,)


def require_free(tx: Transaction, name: str, person: str) -> None:
    """Raises AlreadyExists if the name is that of another person, or of another's token: nobody could tell
    them apart on the audit log."""
    for each in tx.holders.list():
        same = holders.of(each).person.casefold() == person.casefold()
        if each.name.casefold() == name.casefold() and not same:
            raise errors.AlreadyExists(f"'{each.name}' is the name of somebody else, or of their token.")


@dataclasses.dataclass(frozen=True, slots=True)
class New:
    """A token to create. `shown_to`: the persons who see its secret."""

    name: str
    grant: Grant
    expires_at: datetime | None = None
    person: str | None = None
    shown_to: tuple[str, ...] = ()


def issue(tx: Transaction, new: New, now: datetime) -> NewToken:
    """A new token, of which only the digest is kept; raises AlreadyExists or InvalidArgument."""
    _check_name(tx, new.name)
    token = secrets.new_token()
    record = TokenRecord(
        new.name, secrets.digest(token), now,
        roles=new.grant.roles, site=new.grant.site, issued_at=now, expires_at=new.expires_at,
        person=new.person, shown_to=new.shown_to,
    )  # fmt: skip
    tx.tokens.add(record)
    return NewToken(name=new.name, token=token, expires_at=new.expires_at)


def require_name(name: str, noun: str) -> None:
    """Raises InvalidArgument for what cannot be the name of a token or a person."""
    like = name.casefold()
    if not NAME.fullmatch(name) or like in NOT_A_TOKEN or like.startswith(SCHEDULE):
        raise errors.InvalidArgument(
            f"{name!r} cannot be the name of a {noun}.",
            do=(
                "Use 1 to 100 letters (a to z), digits, blanks and '.', '_', '-', '+', '@'; a letter or "
                "digit at both ends."
            ),
        )


def _check_name(tx: Transaction, name: str) -> None:
    """Raises InvalidArgument, or AlreadyExists for a name that differs from another in capital letters
    only."""
    require_name(name, "token")
    alike = [each.name for each in tx.tokens.list() if each.name.casefold() == name.casefold()]
    if alike:
        raise errors.AlreadyExists(f"There is a token '{alike[0]}' already.")


def _check_person(person: str | None) -> None:
    if person is not None and not NAME.fullmatch(person):
        raise errors.InvalidArgument(
            f"{person!r} cannot be a person's name.", do="Write it like a token's name."
        )


def _existing(tx: Transaction, name_or_id: str) -> TokenRecord:
    """The token, by its name or id; by its id because earlier releases allowed names that no path can
    hold."""
    for token in tx.tokens.list():
        if name_or_id in (token.name, token.id):
            return token
    raise errors.NotFound.named("token", name_or_id)


def _after(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def stays_in_charge(holder: HolderRecord) -> bool:
    """Whether it manages access without an end; of people those who can log in."""
    stays = (
        holder.password_hash is not None if isinstance(holder, PersonRecord) else holder.expires_at is None
    )
    return stays and Grant(holder.roles, holder.site).may(Permission.MANAGE_ACCESS)


def _rotated(token: TokenRecord, digest: str, now: datetime, former_seconds: float) -> TokenRecord:
    lived_from = token.issued_at or token.created_at
    return dataclasses.replace(
        token,
        token_sha256=digest,
        issued_at=now,
        expires_at=None if token.expires_at is None else now + (token.expires_at - lived_from),
        former_sha256=token.token_sha256 if former_seconds else None,
        former_until=_former_until(token, now, former_seconds),
    )


def _former_until(token: TokenRecord, now: datetime, seconds: float) -> datetime | None:
    """When the former secret ends: never later than it would have ended anyway."""
    if not seconds:
        return None
    until = now + timedelta(seconds=seconds)
    return until if token.expires_at is None else min(until, token.expires_at)


def _shape(token: TokenRecord, now: datetime) -> Token:
    grace = token.former_until if token.former_until and token.former_until > now else None
    return Token(
        id=token.id,
        name=token.name,
        person=token.person or token.name,
        roles=token.roles,
        site=token.site,
        created_at=token.created_at,
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        expired=token.expires_at is not None and token.expires_at <= now,
        last_used_at=token.last_used_at,
        former_valid_until=grace,
    )
