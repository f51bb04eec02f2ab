"""What a person changes of their own: the password."""

from dataclasses import dataclass, replace
from datetime import datetime

from .....domain import errors
from .....domain.access import sessions
from .....domain.access.passwords import require_good
from .....domain.access.sessions import LogInWay, SessionKind
from .....wire import rest
from ....store import PEOPLE_LOCK, PersonRecord, Transaction
from ...attempts import Attempt
from ...parts import Parts
from ...shared import passwords, secrets
from .logins import Begun, LogIns
from .proofs import Proof

CHOSEN = {LogInWay.LINK: LogInWay.PASSWORD, LogInWay.RECOVERY: LogInWay.RECOVERED}
"""How somebody is there once a password was chosen: only the first one needs no present one."""


class Own:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def change_password(self, request: rest.PasswordChange, program: str) -> Begun:
        """Choose a password. All sessions of the person end, and a new one begins. Raises InvalidArgument for
        one that is too short or common, Unauthenticated if the former one is wrong, NotPossibleNow for a
        token."""
        mine = me(self._parts)
        person = mine.person
        require_good(request.password, person.name)
        require_password(self._parts, mine, request.former_password)
        kept = passwords.hashed(request.password)
        with self._parts.changing() as tx:
            tx.one_at_a_time(PEOPLE_LOCK)
            return self._put(tx, person, kept, program)

    def _put(self, tx: Transaction, person: PersonRecord, kept: str, program: str) -> Begun:
        found = tx.people.find(person.mark_sha256)
        mine = tx.sessions.find(self._parts.caller.session_sha256)
        if found is None or mine is None:
            raise errors.Unauthenticated("You were changed meanwhile.", do="Log in again.")
        changed = replace(found, password_hash=kept, mark_sha256=secrets.new_mark())
        tx.people.put(changed)
        tx.sessions.remove_of(found.id)
        way = CHOSEN.get(mine.way, mine.way)
        proof = Proof(way, changed, changed.mark_sha256)
        last = mine.ends_at if way in sessions.BY_ROOT else None
        return LogIns(self._parts).begin_with(tx, proof, None, program, mine.kind, last)


@dataclass(frozen=True, slots=True)
class Me:
    """The person who is logged in, by which way, and where."""

    person: PersonRecord
    way: LogInWay
    kind: SessionKind
    ends_at: datetime


def require_password(parts: Parts, mine: "Me", given: str | None) -> None:
    """Raises Unauthenticated for a wrong password: whoever took a session over does not know it. Who came by
    a link has none, or knows it no more."""
    if mine.way in sessions.CHOOSES_PASSWORD:
        return
    attempt = Attempt(mine.person.name, parts.caller.address, mine.person.last_address)
    parts.attempts.begin(attempt)
    if not passwords.fits(mine.person.password_hash, given or ""):
        raise errors.Unauthenticated(
            "The present password is wrong.",
            do="Without it: 'secondsite person reset-password NAME' gives a link.",
        )
    parts.attempts.succeeded(attempt)


def me(parts: Parts) -> Me:
    """Raises NotPossibleNow for an access token, and for whoever comes from a provider."""
    caller = parts.caller
    found = parts.store.session(caller.session_sha256) if caller.session_sha256 else None
    if found is None or not isinstance(found.holder, PersonRecord):
        raise errors.NotPossibleNow(
            "You are here with an access token, which has neither a password nor a second factor.",
            do="Log in with a name and its password.",
        )
    if found.holder.provider is not None:
        raise errors.NotPossibleNow(
            f"You come from the provider '{found.holder.provider}', and have neither a password nor a second "
            "factor here.",
            do="Change them at the provider.",
        )
    return Me(found.holder, found.session.way, found.session.kind, found.session.ends_at)
