"""The second factor of whoever is logged in: codes of an app, and codes for recovery."""

from collections.abc import Sequence
from dataclasses import replace

from .....domain import errors
from .....domain.access.sessions import LogInWay
from .....wire import rest
from ....store import PersonRecord
from ...parts import Parts
from ...shared import secrets, totp
from .logins import Begun
from .own import me, require_password
from .renewal import Renewal


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
            tx.people.put(replace(Renewal(self._parts).person(tx), totp_wanted=secret))
        uri = totp.uri(secret, mine.person.name, self._parts.about.name)
        return rest.SecondFactorBegun(secret=secret, uri=uri, svg=totp.picture(uri))

    def confirm(self, code: str, program: str) -> tuple[Begun, rest.RecoveryCodes]:
        """The app's first code: from now on codes are asked for. The other sessions end. Codes for recovery
        are given with the first second factor. Raises SecondFactorNeeded for a wrong code, NotPossibleNow if
        nothing was begun."""
        renewal = Renewal(self._parts)
        with renewal.counted(), self._parts.changing() as tx:
            person = renewal.person(tx)
            if person.totp_wanted is None:
                raise errors.NotPossibleNow("No second factor was begun.", do="Begin it, then give a code.")
            step = totp.step_of(person.totp_wanted, totp.plain(code), None, self._parts.now())
            if step is None:
                raise errors.SecondFactorNeeded("The code is wrong: the app's clock, or yours, may be.")
            changed, codes = with_codes(person)
            changed = replace(changed, totp_secret=person.totp_wanted, totp_wanted=None, totp_step=step)
            begun = renewal.begin(tx, changed, LogInWay.TWO_FACTORS, program)
        return begun, rest.RecoveryCodes(codes=tuple(codes))

    def remove(self, shown: rest.OneTimeCode, program: str, host: str) -> Begun:
        """Codes of the app are asked for no more; the other sessions end. Whoever came by root's link shows
        nothing. Raises SecondFactorNeeded for what does not count, NotPossibleNow for whoever has no app."""
        renewal = Renewal(self._parts)
        if renewal.mine.person.totp_secret is None:
            raise errors.NotPossibleNow("You have no second factor.", do="Nothing is to be removed.")
        with renewal.counted(), self._parts.changing() as tx:
            person = renewal.shown(tx, shown, host)
            left = replace(person, totp_secret=None, totp_wanted=None, totp_step=None)
            way = LogInWay.TWO_FACTORS if left.has_second_factor else LogInWay.PASSWORD
            return renewal.begin(tx, without_codes(left), way, program)

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


def with_codes(person: PersonRecord) -> tuple[PersonRecord, Sequence[str]]:
    """The person, and new codes for recovery if this is the first second factor."""
    if person.has_second_factor:
        return person, ()
    codes = totp.recovery_codes()
    return replace(person, recovery_sha256=tuple(secrets.digest(totp.plain(each)) for each in codes)), codes


def without_codes(person: PersonRecord) -> PersonRecord:
    """The person, without codes for recovery if there is no second factor any more."""
    return person if person.has_second_factor else replace(person, recovery_sha256=())


def without(person: PersonRecord) -> PersonRecord:
    """The person without any second factor."""
    left = replace(person, totp_secret=None, totp_wanted=None, totp_step=None, security_keys=None)
    return without_codes(left)
