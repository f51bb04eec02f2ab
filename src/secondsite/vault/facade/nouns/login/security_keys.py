"""A person's security keys: added, listed and removed by their owner, and asked at the log-in."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from .....domain import errors
from .....domain.access.security_keys import MOST_KEYS, SecurityKey, host_named
from .....domain.access.sessions import LogInWay
from .....ground.units import MINUTE
from .....wire import rest
from ....store import KeyChallenge, PersonRecord
from ...parts import Parts
from ...shared import secrets, webauthn
from .logins import Begun, LogIns
from .own import me, require_password
from .proofs import take_challenge
from .renewal import Renewal
from .second_factor import with_codes, without_codes

LASTS, MOST_ASKED = timedelta(seconds=5 * MINUTE), 5
"""How long a challenge counts, and how many of one person do at once."""


class SecurityKeys:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self) -> Sequence[rest.SecurityKey]:
        """The caller's keys. Raises NotPossibleNow for a token."""
        return [_shape(each) for each in me(self._parts).person.keys]

    def begin(self, password: str | None, host: str) -> rest.KeyQuestion:
        """What a browser that reached the vault as `host` makes a new key by. Raises Unauthenticated for a
        wrong password, NotPossibleNow at an address without a name, and for one key too many."""
        mine = me(self._parts)
        host_named(host)
        _require_room(mine.person)
        require_password(self._parts, mine, password)
        asked = webauthn.ask_for_new(host, mine.person.name, mine.person.id, mine.person.keys)
        self._keep(asked.challenge, mine.person, is_new=True)
        return rest.KeyQuestion(options=asked.options)

    def add(
        self, request: rest.SecurityKeyCreate, host: str, program: str
    ) -> tuple[Begun, rest.RecoveryCodes]:
        """Add the key that answered: from now on it may be asked for. The other sessions end. Codes for
        recovery are given with the first second factor. Raises SecondFactorNeeded for an answer that is not
        right."""
        renewal, answer = Renewal(self._parts), webauthn.answer(host, request.answer)
        made = webauthn.made(answer)
        with self._parts.changing() as tx:
            person = renewal.person(tx)
            take_challenge(tx, person, answer, self._parts.now(), is_new=True)
            _require_room(person)
            now = self._parts.now()
            key = SecurityKey(
                uuid.uuid4().hex, request.name, host_named(host), made.credential, made.uses, now
            )
            if any(each.credential == key.credential for each in person.keys):
                raise errors.AlreadyExists("This security key is one of yours already.")
            changed, codes = with_codes(person)
            changed = replace(changed, security_keys=(*person.keys, key))
            begun = renewal.begin(tx, changed, LogInWay.TWO_FACTORS, program)
        return begun, rest.RecoveryCodes(codes=tuple(codes))

    def remove(self, key_id: str, request: rest.OneTimeCode, host: str, program: str) -> Begun:
        """Remove a key, by what the log-in would take as a second factor. The other sessions end. Raises
        NotFound, SecondFactorNeeded."""
        renewal = Renewal(self._parts)
        with renewal.counted(), self._parts.changing() as tx:
            person = renewal.shown(tx, request, host)
            if all(each.id != key_id for each in person.keys):
                raise errors.NotFound("You have no such security key.", do="Look at the list of yours.")
            left = replace(person, security_keys=tuple(each for each in person.keys if each.id != key_id))
            way = LogInWay.TWO_FACTORS if left.has_second_factor else LogInWay.PASSWORD
            return renewal.begin(tx, without_codes(left), way, program)

    def ask(self, host: str) -> rest.KeyQuestion:
        """What one of the caller's keys answers. Raises NotPossibleNow if there is none for this name."""
        return self._ask(me(self._parts).person, host)

    def ask_at_log_in(self, request: rest.LogIn, host: str) -> rest.KeyQuestion:
        """What one of the keys of this person answers, whose password, or link, is right. Raises
        Unauthenticated, TooManyAttempts, NotPossibleNow if there is no key for this name."""
        return self._ask(LogIns(self._parts).known_by(request), host)

    def _ask(self, person: PersonRecord, host: str) -> rest.KeyQuestion:
        named = host_named(host)
        there = [each for each in person.keys if each.host == named]
        if not there:
            raise errors.NotPossibleNow(
                f"No security key was set up for {named}.",
                do="Give a code, or open the vault by another name.",
            )
        asked = webauthn.ask(host, there)
        self._keep(asked.challenge, person, is_new=False)
        return rest.KeyQuestion(options=asked.options)

    def _keep(self, challenge: bytes, person: PersonRecord, *, is_new: bool) -> None:
        now = self._parts.now()
        record = KeyChallenge(secrets.digest(challenge.hex()), person.id, is_new, now + LASTS)
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time("key challenges")
            tx.key_challenges.forget(now)
            tx.key_challenges.add(record, MOST_ASKED)


def _require_room(person: PersonRecord) -> None:
    if len(person.keys) >= MOST_KEYS:
        raise errors.NotPossibleNow(f"You have {MOST_KEYS} security keys already.", do="Remove one first.")


def _shape(key: SecurityKey) -> rest.SecurityKey:
    return rest.SecurityKey(
        id=key.id, name=key.name, host=key.host, created_at=key.created_at, last_used_at=key.last_used_at
    )
