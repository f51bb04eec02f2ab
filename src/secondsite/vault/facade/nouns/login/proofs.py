"""What shows who somebody is, at a log-in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from .....domain import errors
from .....domain.access.security_keys import SecurityKey, host_named, is_copied
from .....domain.access.sessions import LogInWay
from ....store import HolderRecord, PersonRecord, Transaction
from ... import holders
from ...shared import secrets, totp, webauthn


@dataclass(frozen=True, slots=True)
class Proof:
    """Who somebody is, by which way. `holder_sha256` is the digest of the token's secret, or the person's
    mark."""

    way: LogInWay
    holder: HolderRecord
    holder_sha256: str


def of_token(tx: Transaction, token: str, now: datetime) -> Proof:
    """The holder of this access token. Raises Unauthenticated."""
    digest = secrets.digest(token)
    found = tx.tokens.find(digest) if secrets.is_token(token) else None
    if found is None:
        raise errors.Unauthenticated("The access token is not known to this vault.")
    holders.require_open(found, digest, now)
    return Proof(LogInWay.TOKEN, found, digest)


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor that was shown: a code, or what a security key answered to a browser that reached the
    vault as `host`."""

    code: str | None = None
    key_answer: str | None = None
    host: str = ""


def of_person(tx: Transaction, known: PersonRecord, factor: Factor, now: datetime) -> Proof:
    """The person, whose password was right. Raises SecondFactorNeeded, Unauthenticated if the person was
    changed meanwhile."""
    person = tx.people.find(known.mark_sha256)
    if person is None or person.disabled_at is not None:
        raise wrong()
    if not person.has_second_factor:
        return Proof(LogInWay.PASSWORD, person, person.mark_sha256)
    return Proof(LogInWay.TWO_FACTORS, with_factor(tx, person, factor, now), person.mark_sha256)


def of_link(tx: Transaction, link: str, factor: Factor, now: datetime) -> Proof:
    """The person whose link this is, which counts no more. Root's link needs no code: it is for whoever has
    none any more. Raises Unauthenticated, SecondFactorNeeded."""
    person = tx.people.of_link(secrets.digest(link)) if secrets.is_link(link) else None
    if person is None or person.disabled_at is not None or person.link_until is None:
        raise errors.Unauthenticated("This link was used, or replaced by a newer one.", do=ANOTHER_LINK)
    if person.link_until <= now:
        raise errors.Unauthenticated("The time of this link is over.", do=ANOTHER_LINK)
    way = person.link_way or LogInWay.LINK
    if way is LogInWay.LINK and person.has_second_factor:
        person = with_factor(tx, person, factor, now)
    used = replace(person, link_sha256=None, link_way=None, link_until=None)
    return Proof(way, used, used.mark_sha256)


def with_factor(tx: Transaction, person: PersonRecord, shown: Factor, now: datetime) -> PersonRecord:
    """The person once this second factor is used up. Raises SecondFactorNeeded for one that does not
    count."""
    if shown.key_answer is None:
        return with_code(person, shown.code, now)
    answer = webauthn.answer(shown.host, shown.key_answer)
    take_challenge(tx, person, answer, now, is_new=False)
    used = webauthn.used(answer, _keys_at(person, shown.host))
    return replace(person, security_keys=tuple(_used(each, used, now) for each in person.keys))


def take_challenge(
    tx: Transaction, person: PersonRecord, answer: webauthn.Answer, now: datetime, *, is_new: bool
) -> None:
    """Use the challenge up that the answer names. Raises SecondFactorNeeded unless it is the person's own."""
    found = tx.key_challenges.take(secrets.digest(answer.challenge().hex()))
    wanted = (person.id, is_new)
    if found is None or (found.person_id, found.is_new) != wanted or found.until <= now:
        raise errors.SecondFactorNeeded("This answer of the security key counted already, or came too late.")


def _keys_at(person: PersonRecord, host: str) -> Sequence[SecurityKey]:
    return [each for each in person.keys if each.host == host_named(host)]


def _used(key: SecurityKey, used: webauthn.Answered, now: datetime) -> SecurityKey:
    """The key, if it was this one, as it is after it. Raises SecondFactorNeeded for what may be a copy of
    it."""
    if key.credential != used.credential:
        return key
    if is_copied(key.uses, used.uses):
        raise errors.SecondFactorNeeded(
            f"The security key '{key.name}' was used more often than it says: it may have been copied."
        )
    return replace(key, uses=used.uses, last_used_at=now)


def with_code(person: PersonRecord, code: str | None, now: datetime) -> PersonRecord:
    """The person once this code is used up. Raises SecondFactorNeeded for a code that does not count."""
    if not code:
        raise errors.SecondFactorNeeded("A code of the second factor is needed as well.", do=_with(person))
    given = totp.plain(code)
    digest = secrets.digest(given)
    if digest in person.recovery_sha256:
        left = tuple(each for each in person.recovery_sha256 if each != digest)
        return replace(person, recovery_sha256=left)
    if person.totp_secret is None:
        raise errors.SecondFactorNeeded(
            "The code is wrong: you have a security key, and no app.", do=_with(person)
        )
    step = totp.step_of(person.totp_secret, given, person.totp_step, now)
    if step is None:
        raise errors.SecondFactorNeeded("The code is wrong, or was used already.", do=_with(person))
    return replace(person, totp_step=step)


def _with(person: PersonRecord) -> str:
    """What the person has that counts."""
    if not person.keys:
        return errors.SecondFactorNeeded.default_do
    if person.totp_secret is None:
        return "Use your security key at the log-in of the console, or give one of your recovery codes."
    return (
        "Use your security key at the log-in of the console, or give the code that your app shows now, or one"
        " of your recovery codes."
    )


def wrong() -> errors.Unauthenticated:
    """The error for a name and password that do not fit: it does not say which."""
    return errors.Unauthenticated(
        "The name or the password is wrong, or the person may not log in.",
        do="Try again; an access administrator gives a new link: 'secondsite person reset-password NAME'.",
    )


ANOTHER_LINK = "Ask for another: 'secondsite person reset-password NAME'."
