"""What a request shows of who asks: a bearer token, or the cookie of a session.

A browser adds the cookie to whatever any page makes it ask. So it counts only for what the vault's own pages
ask: the browser says so, and no page can make it lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Scope

from ..domain import errors
from ..domain.access.sessions import SessionKind

COOKIE, AT_PROVIDER = "__Host-session", "__Host-login"
"""That of a session, and that of a browser which was sent to a provider. A browser takes a cookie of such a
name only from the vault itself, over TLS, and for no other host."""
SESSION = "sss_"
"""What a session's secret begins with."""
UNATTENDED = b"x-unattended"
"""The header of requests that a page makes by itself: they keep no session from being idle."""
STREAMS = ("/live", "/events")
"""How the paths of streams end. No stream is an act: a browser opens one that broke again by itself, and can
add no header to it."""
NEEDED = "This call needs an access token ('Authorization: Bearer TOKEN'), or a session."
Headers = Mapping[bytes, list[bytes]]


@dataclass(frozen=True, slots=True)
class Shown:
    """The secret that was shown. `kind`: that of a session; None: of an access token. `is_act`: a person
    asks, not a page by itself."""

    secret: str
    kind: SessionKind | None = None
    is_act: bool = True


def shown(scope: Scope) -> Shown:
    """The request's credential. Raises Unauthenticated without one, or with two; Forbidden for a cookie that
    another page made the browser add."""
    headers = _headers(scope)
    cookie = _cookie(headers)
    bearer = _bearer(headers)
    if bearer and cookie is not None:
        raise errors.Unauthenticated(
            "This request shows an access token and the cookie of a session.", do="Give one of them."
        )
    if cookie is not None:
        require_own_page(scope)
        is_act = UNATTENDED not in headers and not scope["path"].endswith(STREAMS)
        return Shown(cookie, SessionKind.BROWSER, is_act)
    if not bearer:
        raise errors.Unauthenticated(NEEDED)
    return Shown(bearer, SessionKind.COMMAND_LINE if bearer.startswith(SESSION) else None)


def cookie_of(scope: Scope, name: str = COOKIE) -> str | None:
    """The secret in the cookie; None without one. Raises Unauthenticated for several."""
    return _cookie(_headers(scope), name)


def set_cookie(response: Response, name: str, secret: str, lasts_seconds: int | None = None) -> None:
    """Have the browser keep the secret for the vault's own pages."""
    response.set_cookie(name, secret, lasts_seconds, secure=True, httponly=True, samesite="strict")


def delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, secure=True, httponly=True, samesite="strict")


def _cookie(headers: Headers, name: str = COOKIE) -> str | None:
    cookies = headers.get(b"cookie", ())
    found = [value for header in cookies for value in _values(header.decode("latin-1"), name)]
    if len(found) > 1:
        raise errors.Unauthenticated("This request shows several sessions.", do="Log in again.")
    return found[0] if found else None


def require_own_page(scope: Scope) -> None:
    """Raises Forbidden for a request that the browser made for another page than the vault's."""
    headers = _headers(scope)
    site = headers.get(b"sec-fetch-site", [])
    if site == [b"same-origin"] or (not site and _is_own_origin(headers)):
        return
    raise errors.Forbidden(
        "A page from elsewhere, or no page at all, made the browser ask this. Nothing was done.",
        do="Open the vault's own console and ask there. Programs give an access token instead of a cookie.",
    )


def comes_from_a_browser(scope: Scope) -> bool:
    """Whether a browser says for which page it asks; programs say nothing of that."""
    headers = _headers(scope)
    return b"sec-fetch-site" in headers or b"origin" in headers


def _is_own_origin(headers: Headers) -> bool:
    """Whether the page's origin is the address at which the vault is asked: a page cannot alter either."""
    host = headers.get(b"host", [])
    return len(host) == 1 and headers.get(b"origin") == [b"https://" + host[0]]


def _bearer(headers: Headers) -> str:
    """The access token; empty without one."""
    given = headers.get(b"authorization", [])
    scheme, _, token = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else ""


def _values(header: str, name: str) -> list[str]:
    named = (each.strip().partition("=") for each in header.split(";"))
    return [value for found, equals, value in named if found == name and equals]


def _headers(scope: Scope) -> Headers:
    found: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.lower(), []).append(value)
    return found
