"""What shows who somebody is, at a log-in."""

from dataclasses import dataclass, replace
from datetime import datetime

from .....domain import errors
from .....domain.access.sessions import LogInWay
from ....store import HolderRecord, PersonRecord, Transaction
from ... import holders
from ...shared import secrets, totp


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


def of_person(tx: Transaction, known: PersonRecord, code: str | None, now: datetime) -> Proof:
    """The person, whose password was right. Raises SecondFactorNeeded, Unauthenticated if the person was
    changed meanwhile."""
    person = tx.people.find(known.mark_sha256)
    if person is None or person.disabled_at is not None:
        raise wrong()
    if person.totp_secret is None:
        return Proof(LogInWay.PASSWORD, person, person.mark_sha256)
    return Proof(LogInWay.TWO_FACTORS, with_code(person, code, now), person.mark_sha256)


def of_link(tx: Transaction, link: str, code: str | None, now: datetime) -> Proof:
    """The person whose link this is, which counts no more. Root's link needs no code: it is for whoever has
    none any more. Raises Unauthenticated, SecondFactorNeeded."""
    person = tx.people.of_link(secrets.digest(link)) if secrets.is_link(link) else None
    if person is None or person.disabled_at is not None or person.link_until is None:
        raise errors.Unauthenticated("This link was used, or replaced by a newer one.", do=ANOTHER_LINK)
    if person.link_until <= now:
        raise errors.Unauthenticated("The time of this link is over.", do=ANOTHER_LINK)
    way = person.link_way or LogInWay.LINK
    if way is LogInWay.LINK and person.totp_secret is not None:
        person = with_code(person, code, now)
    used = replace(person, link_sha256=None, link_way=None, link_until=None)
    return Proof(way, used, used.mark_sha256)


def with_code(person: PersonRecord, code: str | None, now: datetime) -> PersonRecord:
    """The person once this code is used up. Raises SecondFactorNeeded for a code that does not count."""
    if not code:
        raise errors.SecondFactorNeeded("A code of the second factor is needed as well.")
    given = totp.plain(code)
    digest = secrets.digest(given)
    if digest in person.recovery_sha256:
        left = tuple(each for each in person.recovery_sha256 if each != digest)
        return replace(person, recovery_sha256=left)
    step = totp.step_of(person.totp_secret or "", given, person.totp_step, now)
    if step is None:
        raise errors.SecondFactorNeeded("The code is wrong, or was used already.")
    return replace(person, totp_step=step)


def wrong() -> errors.Unauthenticated:
    """The error for a name and password that do not fit: it does not say which."""
    return errors.Unauthenticated(
        "The name or the password is wrong, or the person may not log in.",
        do="Try again; an access administrator gives a new link: 'secondsite person reset-password NAME'.",
    )


ANOTHER_LINK = "Ask for another: 'secondsite person reset-password NAME'."
