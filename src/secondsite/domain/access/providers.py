"""Providers of OpenID Connect: who is believed, and what a person who comes from one may do. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from ...ground.units import HOUR, MINUTE
from .. import errors
from .roles import Grant, Role, checked

MOST_PROVIDERS, MOST_GROUPS, MOST_AT_ONCE = 10, 100, 2
MOST_URL, MOST_TEXT = 2000, 200
MOST_OF_A_PERSON, MOST_OF_A_GROUP = 2000, 256
"""The most groups of one person that are looked at, and the longest name of one."""
MOST_SUBJECT = 255
"""The longest id of a person at a provider (OpenID Connect Core 1.0, 2)."""
SKEW_SECONDS = float(MINUTE)
"""By how much the clocks of provider and vault may differ."""
MOST_AGE_SECONDS = float(HOUR)
"""An ID token is made when its code is exchanged; one that is older was made for something else."""
URL = re.compile(r"https://[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*(/[!-~]*)?")
HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
)
ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA")
"""By which an ID token may be signed: with a key of which the vault has the public half only."""
MOST_INSTANT = 1e12
Claims = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class GroupGrant:
    """What a group of the provider's may do here."""

    group: str
    roles: tuple[Role, ...]
    site: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider. Of its groups the first one in `groups` that a person is in decides. `ca_pem`: the CA of
    its certificate, if that is not one that the host trusts."""

    issuer: str
    client_id: str
    groups: tuple[GroupGrant, ...]
    scopes: tuple[str, ...] = ("openid", "profile", "groups")
    groups_claim: str = "groups"
    name_claim: str = "preferred_username"
    ca_pem: str | None = None


def check(provider: Provider) -> None:
    """Raises InvalidArgument for a provider that cannot be."""
    require_address(provider.issuer, "issuer")
    if "?" in provider.issuer or "#" in provider.issuer:
        raise errors.InvalidArgument("An issuer has neither '?' nor '#'.", do="Give it as the provider says.")
    if "openid" not in provider.scopes:
        raise errors.InvalidArgument("The scope 'openid' is missing.", do="Add --scope openid.")
    for each in provider.groups:
        checked(each.roles, each.site)
    named = [each.group for each in provider.groups]
    if len(set(named)) < len(named):
        raise errors.InvalidArgument(
            "A group is named twice.", do="Give each group once, with all its roles."
        )


def require_address(url: object, what: str) -> str:
    """The URL, if it is one of https. Raises InvalidArgument."""
    if isinstance(url, str) and len(url) <= MOST_URL and URL.fullmatch(url) and _has_host(url):
        return url
    raise errors.InvalidArgument(
        f"The {what} is no address of https: {str(url)[:MOST_TEXT]!r}.", do="Give https://HOST[:PORT][/PATH]."
    )


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_host(said: str) -> bool:
    """Whether it is what a browser says of the host that it asks: HOST or HOST:PORT."""
    return HOST.fullmatch(said) is not None


def granted(provider: Provider, groups: Sequence[str]) -> Grant | None:
    """What somebody in these groups may do; None: nothing, and may not log in."""
    theirs = frozenset(groups)
    found = next((each for each in provider.groups if each.group in theirs), None)
    return None if found is None else checked(found.roles, found.site)


def has_groups(provider: Provider, claims: Claims) -> bool:
    """Whether the claims say anything of groups."""
    return _claim(claims, provider.groups_claim) is not None


def groups_in(provider: Provider, claims: Claims) -> Sequence[str]:
    """The groups that the claims name: a list of texts, or one text. What is no group's name is left out."""
    said = _claim(claims, provider.groups_claim)
    listed = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    kept = [each for each in listed if isinstance(each, str) and 0 < len(each) <= MOST_OF_A_GROUP]
    return kept[:MOST_OF_A_PERSON]


def names_in(provider: Provider, claims: Claims) -> Sequence[str]:
    """By which names the person might be called here, the best first; the id at the provider is the last."""
    said = (_claim(claims, provider.name_claim), claims.get("sub"))
    return [each for each in said if isinstance(each, str)]


def _claim(claims: Claims, name: str) -> object:
    """The claim of that name; `a.b`, if there is none, is the part b of the claim a."""
    if name in claims or "." not in name:
        return claims.get(name)
    outer, _, inner = name.partition(".")
    within = claims.get(outer)
    return _claim(within, inner) if isinstance(within, Mapping) else None


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to say."""

    issuer: str
    client_id: str
    nonce: str


def subject(claims: Claims, expected: Expected, now: datetime) -> str:
    """The person's id at the provider. Raises Unauthenticated for claims of another provider, for another
    client, for another log-in, or of another time."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if claims.get("iss") != expected.issuer:
        raise _not_taken("it is of another issuer")
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        raise _not_taken("it is for another client")
    if claims.get("azp", expected.client_id) != expected.client_id or (
        len(audiences) > 1 and "azp" not in claims
    ):
        raise _not_taken("it was given to another client")
    if claims.get("nonce") != expected.nonce:
        raise _not_taken("it belongs to another log-in")
    _require_time(claims, now)
    found = claims.get("sub")
    if not isinstance(found, str) or not 0 < len(found) <= MOST_SUBJECT or not found.isprintable():
        raise _not_taken("it names nobody")
    return found


def _require_time(claims: Claims, now: datetime) -> None:
    skew, at = SKEW_SECONDS, now.timestamp()
    ends, made, begins = (
        _instant(each) for each in (claims.get("exp"), claims.get("iat"), claims.get("nbf", 0))
    )
    if ends <= at - skew:
        raise _not_taken("its time is over; the clocks of vault and provider may differ")
    if max(made, begins) > at + skew:
        raise _not_taken("it is of the future; the clocks of vault and provider may differ")
    if made < at - skew - MOST_AGE_SECONDS:
        raise _not_taken("it is too old; the clocks of vault and provider may differ")


def _instant(said: object) -> float:
    """Seconds since 1970, as a claim says them."""
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < MOST_INSTANT:
        raise _not_taken("it does not say when it counts")
    return float(said)


def _not_taken(why: str) -> errors.Unauthenticated:
    return errors.Unauthenticated(
        f"What the provider says of you is not taken: {why}.",
        do="Log in again; if it stays so, tell whoever manages access.",
    )
