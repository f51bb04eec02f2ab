"""The code flow: the address that a browser is sent to, and what its code is exchanged for."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote_plus, urlencode

from ...domain import errors
from ...domain.access import providers
from ...domain.access.providers import Claims, Expected, Provider
from ..notices.delivery import plain
from . import fetching, id_tokens
from .discovery import Discovery, Metadata
from .fetching import Question, Said, unavailable

RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class Started:
    """A log-in that began: the address at the provider, and what its end has to fit. `state` comes back with
    the browser; `verifier` and `nonce` leave the vault only towards the provider."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is given for a code."""

    code: str
    redirect_uri: str
    verifier: str
    nonce: str


def start(known: Discovery, provider: Provider, redirect_uri: str) -> Started:
    """Begin a log-in. Raises ProviderUnavailable."""
    metadata = known.metadata(provider)
    state, nonce, verifier = (secrets.token_urlsafe(RANDOM_BYTES) for _ in range(3))
    asked = {
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": _base64(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    joint = "&" if "?" in metadata.authorization else "?"
    return Started(f"{metadata.authorization}{joint}{urlencode(asked)}", state, nonce, verifier)


def require_issuer(known: Discovery, provider: Provider, said: str | None) -> None:
    """Raises Unauthenticated if the browser does not come from this provider (RFC 9207)."""
    if said is None and not known.metadata(provider).says_issuer:
        return
    if said != provider.issuer:
        raise errors.Unauthenticated("You come back from another provider.", do="Log in again.")


def claims_of(known: Discovery, provider: Provider, secret: str, given: Exchange, now: datetime) -> Claims:
    """What the provider says of the person for this code, `sub` among it. Raises ProviderUnavailable,
    Unauthenticated."""
    metadata = known.metadata(provider)
    tokens = _exchanged(metadata, provider, secret, given)
    token = tokens.get("id_token")
    if not isinstance(token, str):
        raise unavailable(f"{metadata.token} gives no ID token")
    claims = _signed(known, provider, token, metadata.algorithms)
    expected = Expected(provider.issuer, provider.client_id, given.nonce)
    subject = providers.subject(claims, expected, now)
    if metadata.userinfo is None or providers.has_groups(provider, claims):
        return claims
    return {**_more(metadata.userinfo, provider, subject, tokens.get("access_token")), **claims}


def _signed(known: Discovery, provider: Provider, token: str, algorithms: Sequence[str]) -> Claims:
    said = id_tokens.header(token).get("kid")
    key_id = said if isinstance(said, str) else None
    keys = known.keys(provider, key_id)
    try:
        return id_tokens.verified(token, keys, algorithms)
    except errors.Unauthenticated:
        newer = known.keys(provider, key_id, tried=keys)
        if newer == keys:
            raise
        return id_tokens.verified(token, newer, algorithms)


def _exchanged(metadata: Metadata, provider: Provider, secret: str, given: Exchange) -> Said:
    form = {
        "grant_type": "authorization_code",
        "code": given.code,
        "redirect_uri": given.redirect_uri,
        "code_verifier": given.verifier,
    }
    headers = {}
    if metadata.secret_in_form:
        form |= {"client_id": provider.client_id, "client_secret": secret}
    else:
        both = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(both.encode()).decode()}"
    status, said = fetching.ask(Question(metadata.token, provider.ca_pem, form, headers))
    if said.get("error") == "invalid_grant":
        raise errors.Unauthenticated(
            "The provider takes this log-in no more: it was finished already, or took too long.",
            do="Log in again.",
        )
    if status != HTTPStatus.OK:
        raise unavailable(f"{metadata.token} answers {status}: {plain(str(said.get('error', '')))}")
    return said


def _more(url: str, provider: Provider, subject: str, access_token: object) -> Said:
    """What the provider tells of the person beside the ID token: many tell groups only there."""
    if not isinstance(access_token, str) or not access_token.isascii() or not access_token.isprintable():
        raise unavailable(f"{url} is not asked: there is no access token for it")
    headers = {"Authorization": f"Bearer {access_token}"}
    status, said = fetching.ask(Question(url, provider.ca_pem, headers=headers))
    if status != HTTPStatus.OK or said.get("sub") != subject:
        raise unavailable(f"{url} answers {status}, or tells of somebody else")
    return said


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
