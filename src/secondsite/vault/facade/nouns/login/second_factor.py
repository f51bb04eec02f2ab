"""The second factor of whoever is logged in: codes of an app, and codes for recovery."""

from dataclasses import replace

from .....domain import errors
from .....domain.access import sessions
from .....domain.access.sessions import LogInWay
from .....wire import rest
from ....store import PEOPLE_LOCK, PersonRecord, Transaction
from ...attempts import Attempt
from ...parts import Parts
from ...shared import secrets, totp
from . import proofs
from .logins import Begun, LogIns
from .own import Me, me, require_password
from .proofs import Proof


class SecondFactor:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def begin(self, password: str | None) -> rest.SecondFactorBegun:
        """What an app has to know; nothing counts until a code of it comes. Raises Unauthenticated for a
        wrong password, NotPossibleNow for a token, and for whoever has a second factor."""
        mine = me(self._parts)
        if mine.person.totp_secret is not None:
            raise errors.NotPossibleNow(
                "You have a second factor already.", do="Remove it first, with a code of it."
            )
        require_password(self._parts, mine, password)
        secret = totp.new_secret()
        with self._parts.changing() as tx:
            tx.people.put(replace(self._now(tx, mine), totp_wanted=secret))
        uri = totp.uri(secret, mine.person.name, self._parts.about.name)
        return rest.SecondFactorBegun(secret=secret, uri=uri, svg=totp.picture(uri))

    def confirm(self, code: str, program: str) -> tuple[Begun, rest.RecoveryCodes]:
        """The app's first code: from now on codes are asked for. The other sessions end. Raises
        SecondFactorNeeded for a wrong code, NotPossibleNow if nothing was begun."""
        mine, codes = me(self._parts), totp.recovery_codes()
        attempt = self._count(mine.person)
        with self._parts.changing() as tx:
            person = self._now(tx, mine)
            if person.totp_wanted is None:
                raise errors.NotPossibleNow("No second factor was begun.", do="Begin it, then give a code.")
            step = totp.step_of(person.totp_wanted, totp.plain(code), None, self._parts.now())
            if step is None:
                raise errors.SecondFactorNeeded("The code is wrong: the app's clock, or yours, may be.")
            kept = tuple(secrets.digest(totp.plain(each)) for each in codes)
            changed = replace(
                person, totp_secret=person.totp_wanted, totp_wanted=None, totp_step=step, recovery_sha256=kept
            )
            begun = self._anew(tx, changed, LogInWay.TWO_FACTORS, mine, program)
        self._parts.attempts.succeeded(attempt)
        return begun, rest.RecoveryCodes(codes=tuple(codes))

    def remove(self, code: str | None, program: str) -> Begun:
        """Codes are asked for no more; the other sessions end. Whoever came by root's link gives none. Raises
        SecondFactorNeeded for a wrong code, NotPossibleNow for whoever has no second factor."""
        mine = me(self._parts)
        if mine.person.totp_secret is None:
            raise errors.NotPossibleNow("You have no second factor.", do="Nothing is to be removed.")
        attempt = self._count(mine.person)
        with self._parts.changing() as tx:
            person = self._now(tx, mine)
            if mine.way not in sessions.BY_ROOT and person.totp_secret is not None:
                person = proofs.with_code(person, code, self._parts.now())
            begun = self._anew(tx, without(person), LogInWay.PASSWORD, mine, program)
        self._parts.attempts.succeeded(attempt)
        return begun

    def settings(self) -> rest.LogInSettings:
        with self._parts.store.reading() as tx:
            return rest.LogInSettings(second_factor=tx.people.need_second_factor())

    def change_settings(self, wanted: rest.LogInSettings) -> rest.LogInSettings:
        """Set whether roles above reader need a second factor."""
        with self._parts.changing() as tx:
            before = rest.LogInSettings(second_factor=tx.people.need_second_factor())
            tx.people.set_need_second_factor(wanted.second_factor)
            self._parts.note(before, wanted)
        return wanted

    def _count(self, person: PersonRecord) -> Attempt:
        """Codes are guessed as slowly here as at the log-in. Raises TooManyAttempts."""
        attempt = Attempt(person.name, self._parts.caller.address, person.last_address, has_code=True)
        self._parts.attempts.begin(attempt)
        return attempt

    def _now(self, tx: Transaction, mine: Me) -> PersonRecord:
        tx.one_at_a_time(PEOPLE_LOCK)
        found = tx.people.find(mine.person.mark_sha256)
        if found is None:
            raise errors.Unauthenticated("You were changed meanwhile.", do="Log in again.")
        return found

    def _anew(self, tx: Transaction, person: PersonRecord, way: LogInWay, mine: Me, program: str) -> Begun:
        """A session in place of all that the person has. Who came by a link has come by that still, and none
        lasts longer for it: whoever took one over would keep it for ever."""
        way = mine.way if mine.way in sessions.CHOOSES_PASSWORD | sessions.BY_ROOT else way
        changed = replace(person, mark_sha256=secrets.new_mark())
        tx.people.put(changed)
        tx.sessions.remove_of(changed.id)
        proof = Proof(way, changed, changed.mark_sha256)
        return LogIns(self._parts).begin_with(tx, proof, None, program, mine.kind, mine.ends_at)


def without(person: PersonRecord) -> PersonRecord:
    """The person without a second factor."""
    return replace(person, totp_secret=None, totp_wanted=None, totp_step=None, recovery_sha256=())
