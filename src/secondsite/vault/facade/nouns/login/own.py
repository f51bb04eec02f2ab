"""What a person changes of their own: the password."""

from dataclasses import dataclass, replace

from .....domain import errors
from .....domain.access import sessions
from .....domain.access.passwords import require_good
from .....domain.access.sessions import LogInWay, SessionKind
from .....wire import rest
from ....store import PersonRecord, Transaction
from ...attempts import Attempt
from ...parts import Parts
from ...shared import passwords, secrets
from .logins import Begun, LogIns
from .proofs import Proof


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
        if mine.way not in sessions.CHOOSES_PASSWORD:
            self._require_former(person, request.former_password)
        kept = passwords.hashed(request.password)
        with self._parts.changing() as tx:
            return self._put(tx, person, kept, program)

    def _put(self, tx: Transaction, person: PersonRecord, kept: str, program: str) -> Begun:
        found = tx.people.find(person.mark_sha256)
        mine = tx.sessions.find(self._parts.caller.session_sha256)
        if found is None or mine is None:
            raise errors.Unauthenticated("You were changed meanwhile.", do="Log in again.")
        changed = replace(found, password_hash=kept, mark_sha256=secrets.new_mark())
        tx.people.put(changed)
        tx.sessions.remove_of(found.id)
        way = LogInWay.PASSWORD if mine.way is LogInWay.LINK else mine.way
        proof = Proof(way, changed, changed.mark_sha256)
        return LogIns(self._parts).begin_with(tx, proof, None, program, mine.kind)

    def _require_former(self, person: PersonRecord, former: str | None) -> None:
        """Raises Unauthenticated for a wrong password: whoever took a session over does not know it."""
        attempt = Attempt(person.name, self._parts.caller.address, person.last_address)
        self._parts.attempts.begin(attempt)
        if not passwords.fits(person.password_hash, former or ""):
            raise errors.Unauthenticated(
                "The present password is wrong.",
                do="Without it: 'secondsite person reset-password NAME' gives a link.",
            )
        self._parts.attempts.succeeded(attempt)


@dataclass(frozen=True, slots=True)
class Me:
    """The person who is logged in, by which way, and where."""

    person: PersonRecord
    way: LogInWay
    kind: SessionKind


def me(parts: Parts) -> Me:
    """Raises NotPossibleNow for an access token."""
    caller = parts.caller
    found = parts.store.session(caller.session_sha256) if caller.session_sha256 else None
    if found is None or not isinstance(found.holder, PersonRecord):
        raise errors.NotPossibleNow(
            "You are here with an access token, which has neither a password nor a second factor.",
            do="Log in with a name and its password.",
        )
    return Me(found.holder, found.session.way, found.session.kind)
