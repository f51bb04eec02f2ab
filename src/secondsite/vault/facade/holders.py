"""Whom a secret belongs to: the token or the person, also of a session that they began."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ...domain import errors, shell
from ...domain.access import roles, sessions
from ...domain.access.approvals import Holder
from ...domain.access.roles import Grant
from ...domain.access.sessions import WITHOUT_SECOND_FACTOR
from ..store import HolderRecord, OpenSession, PersonRecord, SessionRecord, Store, TokenRecord, Transaction
from .callers import Caller

LOG_IN = "Log in again."


def opens(holder: HolderRecord, digest: str, now: datetime) -> bool:
    """Whether the person's mark, or this secret of the token, is valid: the present one, or the former one
    for its last time."""
    if isinstance(holder, PersonRecord):
        return holder.disabled_at is None and holder.mark_sha256 == digest
    token = holder
    if token.expires_at is not None and token.expires_at <= now:
        return False
    if token.token_sha256 == digest:
        return True
    return token.former_until is not None and now < token.former_until


def ends_at(token: HolderRecord, digest: str) -> datetime | None:
    """When this secret of the token ends; None: when the token is deleted or rotated. A person has no end."""
    if isinstance(token, PersonRecord):
        return None
    return token.expires_at if token.token_sha256 == digest else token.former_until


def require_open(token: TokenRecord, digest: str, now: datetime) -> None:
    """Raises Unauthenticated unless this secret of the token is valid."""
    if not opens(token, digest, now):
        raise errors.Unauthenticated(
            f"The access token '{token.name}' has expired, or was replaced by a newer one.",
            do=(
                "Ask an access administrator for the next: 'secondsite token rotate "
                f"{shell.arguments(token.name)}'."
            ),
        )


def why_ended(found: OpenSession, seen: datetime, now: datetime) -> str:
    """Why the session, last used at `seen`, has ended, as the end of a sentence; empty if it has not."""
    session = found.session
    if not opens(found.holder, session.holder_sha256, now):
        return "what you logged in with has ended, or was replaced"
    return sessions.why_ended(session.kind, seen, session.ends_at, now)


def require_open_session(found: OpenSession, seen: datetime, now: datetime) -> None:
    """Raises Unauthenticated if the session has ended."""
    why = why_ended(found, seen, now)
    if why:
        raise errors.Unauthenticated(f"This session has ended: {why}.", do=LOG_IN)


def of(holder: HolderRecord) -> Holder:
    person = None if isinstance(holder, PersonRecord) else holder.person
    return Holder(holder.name, person or holder.name, holder.shown_to)


def is_of(token: TokenRecord, person: PersonRecord) -> bool:
    """Whether the token is the person's."""
    return of(token).person.casefold() == person.name.casefold()


def valid(tx: Transaction, who: str, digest: str, now: datetime) -> HolderRecord:
    """The token with this secret, or the person with this mark. Raises NotPossibleNow if the token was
    removed or replaced, or has expired, or the person was changed."""
    holder = _open(tx, digest, now)
    if holder is None:
        raise errors.NotPossibleNow(
            (
                f"Token or person '{who}' was removed, replaced or changed, or has expired: what it asked "
                "for or granted no longer counts."
            ),
            do="Ask again.",
        )
    return holder


def stands_in(tx: Transaction, digest: str, now: datetime) -> bool:
    """Whether there is a token with this secret, or a person with this mark, that is valid."""
    return _open(tx, digest, now) is not None


def _open(tx: Transaction, digest: str, now: datetime) -> HolderRecord | None:
    holder = tx.holders.find(digest)
    return holder if holder is not None and opens(holder, digest, now) else None


def caller(holder: HolderRecord, digest: str, address: str) -> Caller:
    grant = Grant(holder.roles, holder.site)
    return Caller(holder.name, holder.id, digest, grant, address, since=holder.created_at)


def caller_in(found: OpenSession, address: str) -> Caller:
    """The caller of a request in this session."""
    session = found.session
    known = caller(found.holder, session.holder_sha256, address)
    if lacks_second_factor(found):
        known = replace(known, grant=roles.without_second_factor(known.grant))
    return replace(known, session_id=session.id, session_sha256=session.secret_sha256)


def lacks_second_factor(found: OpenSession) -> bool:
    """Whether a second factor is needed for some role of the session's person, and was not shown."""
    needed = roles.needs_second_factor(Grant(found.holder.roles))
    return needed and found.needs_second_factor and found.session.way in WITHOUT_SECOND_FACTOR


def stands(store: Store, who: Caller, seen: Callable[[SessionRecord], datetime], now: datetime) -> bool:
    """Whether the caller's token, or session, is still valid."""
    if not who.session_sha256:
        found = store.token(who.token_sha256)
        return found is not None and opens(found, who.token_sha256, now)
    opened = store.session(who.session_sha256)
    return opened is not None and not why_ended(opened, seen(opened.session), now)
