"""A change of what a person logs in with: all that the person had counts no more, and one session goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from .....domain import errors
from .....domain.access import sessions
from .....domain.access.sessions import LogInWay
from .....wire import rest
from ....store import PEOPLE_LOCK, PersonRecord, Transaction
from ...attempts import Attempt
from ...parts import Parts
from ...shared import secrets
from . import proofs
from .logins import Begun, LogIns
from .own import me
from .proofs import Factor, Proof


class Renewal:
    """Of whoever is logged in. Raises NotPossibleNow for a token."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.mine = me(parts)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Codes are guessed as slowly here as at the log-in. Raises TooManyAttempts."""
        person = self.mine.person
        attempt = Attempt(person.name, self._parts.caller.address, person.last_address, has_code=True)
        self._parts.attempts.begin(attempt)
        yield
        self._parts.attempts.succeeded(attempt)

    def person(self, tx: Transaction) -> PersonRecord:
        """The person, as a record that will be put. Raises Unauthenticated."""
        tx.one_at_a_time(PEOPLE_LOCK)
        found = tx.people.find(self.mine.person.mark_sha256)
        if found is None:
            raise errors.Unauthenticated("You were changed meanwhile.", do="Log in again.")
        return found

    def shown(self, tx: Transaction, shown: rest.OneTimeCode, host: str) -> PersonRecord:
        """The person once this second factor is used up; whoever came by root's link shows none. Raises
        SecondFactorNeeded."""
        person = self.person(tx)
        if self.mine.way in sessions.BY_ROOT or not person.has_second_factor:
            return person
        factor = Factor(shown.one_time_code, shown.key_answer, host)
        return proofs.with_factor(tx, person, factor, self._parts.now())

    def begin(self, tx: Transaction, person: PersonRecord, way: LogInWay, program: str) -> Begun:
        """A session in place of all that the person has. Who came by a link has come by that still, and none
        lasts longer for it: whoever took one over would keep it for ever."""
        way = self.mine.way if self.mine.way in sessions.CHOOSES_PASSWORD | sessions.BY_ROOT else way
        changed = replace(person, mark_sha256=secrets.new_mark())
        tx.people.put(changed)
        tx.sessions.remove_of(changed.id)
        proof = Proof(way, changed, changed.mark_sha256)
        return LogIns(self._parts).begin_with(tx, proof, None, program, self.mine.kind, self.mine.ends_at)
