"""One kept HTTPS connection to a vault: shapes in, shapes out, every failure one of our errors."""

import re
import ssl
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import pydantic

from ..domain import errors
from ..ground import tls
from ..wire import rest
from ..wire.common.base import Editable, Shape
from . import validation_messages

S = TypeVar("S", bound=Shape)
Body = Shape | Mapping[str, Any] | None
READ_SECONDS = 60.0
CONNECT_SECONDS = 5.0
PIECE_SECONDS = 150.0
"""How long the next piece of an answer that comes in pieces is waited for."""
REPEAT_SECONDS = 10.0
"""How long a POST whose answer was lost is repeated."""
REPEAT_EVERY_SECONDS = 0.5
RESOLVER = re.compile(r"\[Errno -\d+\]")
"""Matches an error of the name resolver: its numbers are negative, and its words are in the host's
language."""
CLOSED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
EVENT_BYTES = 64 << 20
"""An event longer than this is refused: it holds a job's tree."""

EVERY = rest.Paging(limit=rest.MOST_PER_PAGE)
"""A whole list, in as few pages as possible."""


class Connection:
    """Calls to the vault at `url` (https), whose certificate the CA in `ca` (a PEM file) vouches for, with an
    access token. May be used by several threads. `transport` takes the place of the network in tests.

    Each call raises what the vault answered; VaultUnreachable, VaultSlow when it was reached and does not
    answer in time, CertificateRefused when it is another vault, Internal for an answer that is not
    understood.
    """

    def __init__(self, url: str, token: str, ca: Path, transport: httpx2.BaseTransport | None = None) -> None:
        self.url = url
        self.bearer = f"Bearer {_printable(token)}"
        self.trust = _trust(ca) if transport is None else None
        self._http = httpx2.Client(
            base_url=_address(url),
            headers={"Authorization": self.bearer},
            verify=self.trust or False,
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            trust_env=False,  # a vault is never asked through a proxy, which could not vouch for it
        )

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        seen: Editable | None = None,
        key: str | None = None,
        read: Sequence[int] = (),
    ) -> bytes:
        """The body of the answer. `seen`: what the caller knows, and `read`: the numbers of machines, as the
        caller read them; raises ChangedMeanwhile if it is not so any more. A POST has an idempotency `key`, a
        new one unless it is given: if its answer is lost it is sent again, and nothing is done twice."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        headers = {} if seen is None else {"If-Match": f'"{seen.edition()}"'}
        if method == "POST":
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        if read:
            headers["As-Read"] = ",".join(map(str, read))
        payload = body.model_dump(mode="json") if isinstance(body, Shape) else body
        asked = self._http.build_request(method, path, params=given, json=payload, headers=headers)
        answer = self._answered(asked)
        _raise_for(answer)
        return answer.content

    def one(
        self,
        shape: type[S],
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Body = None,
        seen: Editable | None = None,
        key: str | None = None,
        read: Sequence[int] = (),
    ) -> S:
        """The answer to such a call as `shape`."""
        return self._understood(shape, path, self.call(method, path, query, body, seen, key, read))

    def many(self, shape: type[S], path: str, query: Mapping[str, Any] | None = None) -> list[S]:
        """An answer that is a list of `shape`."""
        answer = self.call("GET", path, query)
        try:
            return pydantic.TypeAdapter(list[shape]).validate_json(answer)  # type: ignore[valid-type]
        except pydantic.ValidationError as error:
            raise self._not_understood(path) from error

    def pages(self, page: type[rest.Page[S]], path: str, query: rest.Paging) -> Iterator[S]:
        """All items, one page asked for after the other as they are used up."""
        # A vault of an earlier release refuses a filter that it does not know: none is sent that is not used.
        asked = query.model_dump(mode="json", exclude_defaults=True)
        while True:
            found = self.one(page, "GET", path, asked)
            yield from found.items
            if found.next is None:
                return
            asked["cursor"] = found.next

    def events(
        self, shape: type[S], path: str, query: Mapping[str, Any] | None = None, after: str | None = None
    ) -> Iterator[tuple[str, S]]:
        """Id and content of what the vault sends as server-sent events, until it ends the stream; only
        what comes `after` the event with that id."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        headers = {} if after is None else {"Last-Event-ID": after}
        try:
            with self._http.stream("GET", path, params=given, headers=headers) as answer:
                if answer.is_error:
                    answer.read()
                _raise_for(answer)
                for event in httpx2.EventSource(answer, EVENT_BYTES):
                    yield event.id, self._understood(shape, path, event.data)
        except httpx2.SSEError as error:
            raise self._not_understood(path) from error
        except httpx2.TransportError as error:
            raise unreached(self.url, error) from error

    def pieces(self, method: str, path: str, body: Body = None) -> Iterator[bytes]:
        """The body of an answer, as it comes. Raises VaultUnreachable if it ends before its end; what came
        until then is not whole."""
        payload = body.model_dump(mode="json") if isinstance(body, Shape) else body
        patient = httpx2.Timeout(PIECE_SECONDS, connect=CONNECT_SECONDS)
        has_begun = False
        try:
            with self._http.stream(method, path, json=payload, timeout=patient) as answer:
                if answer.is_error:
                    answer.read()
                _raise_for(answer)
                for piece in answer.iter_bytes():
                    has_begun = True
                    yield piece
        except httpx2.TransportError as error:
            if not has_begun:
                raise unreached(self.url, error) from error
            raise errors.VaultUnreachable(
                f"What {self.url} sent was cut off before its end: {error}.",
                do="Ask for it again. Why it ended stands in the audit log, if the vault could still tell.",
            ) from error

    def _answered(self, asked: httpx2.Request) -> httpx2.Response:
        deadline = time.monotonic() + REPEAT_SECONDS
        lost = False
        while True:
            try:
                return self._sent(asked)
            except httpx2.TransportError as error:
                lost = lost or not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
                if not lost or asked.method != "POST" or time.monotonic() > deadline:
                    raise unreached(self.url, error) from error
            time.sleep(REPEAT_EVERY_SECONDS)

    def _sent(self, asked: httpx2.Request) -> httpx2.Response:
        """Send a request. A vault that was restarted, or limits connections, has closed the kept one: a
        request that only reads is sent once more on a new one."""
        try:
            return self._http.send(asked)
        except CLOSED:
            if asked.method != "GET":
                raise
            return self._http.send(asked)

    def _understood(self, shape: type[S], path: str, answer: bytes | str) -> S:
        try:
            return shape.model_validate_json(answer)
        except pydantic.ValidationError as error:
            raise self._not_understood(path) from error

    def _not_understood(self, path: str) -> errors.SecondsiteError:
        return errors.Internal(
            f"{self.url}{path} answers what we do not understand.",
            do="Check that --url names a vault, and that the vault and this program have the same version.",
        )


def unreached(url: str, error: Exception) -> errors.SecondsiteError:
    """Why a vault was not reached, or not heard, with what to do."""
    if isinstance(error, httpx2.ReadTimeout):
        return errors.VaultSlow(
            f"The vault at {url} was reached, and has not answered for {READ_SECONDS:g} s."
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        if "mismatch" in str(error):
            return errors.CertificateRefused(
                f"The vault at {url} has a certificate of other names than this.",
                do=(
                    "Use a name or an address that 'vault init --host' was given; client.json in the vault's "
                    "home has the first one."
                ),
            )
        return errors.CertificateRefused(
            f"The vault at {url} shows a certificate that our CA did not issue.",
            do="Give the right CA file with --ca, or check that --url names your vault. If its CA was "
            "rotated, copy pki/ca.pem from the vault's host again.",
        )
    if RESOLVER.search(str(error)):
        return errors.VaultUnreachable(
            f"The name in {url} does not resolve: {error}.",
            do="The vault may be well: look at the name server, which may be lost with a site. Put a line "
            "'ADDRESS NAME' for the vault into /etc/hosts, here and on the hosts of the appliances.",
        )
    return errors.VaultUnreachable(f"The vault at {url} does not answer: {error}.")


def path(*parts: str) -> str:
    """The path below /api made of these parts, quoted so that none leads elsewhere. Raises InvalidArgument
    for an empty one."""
    return "/".join(("/api", *map(_part, parts)))


def request(shape: type[S], **values: Any) -> S:
    """A request made of values that a person gave; raises InvalidArgument if one does not fit."""
    try:
        return shape(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise errors.InvalidArgument(
            f"{field}: {validation_messages.spoken(first)} (got {first.get('input')!r})."
        ) from None


def _part(name: str) -> str:
    if name.strip() in ("", ".", ".."):
        raise errors.InvalidArgument(f"'{name}' is no name.")
    return quote(name, safe="")


def _trust(ca: Path) -> ssl.SSLContext:
    try:
        return tls.client_trusting(ca.read_text(encoding="ascii", errors="ignore"))
    except (OSError, ValueError) as error:
        raise errors.InvalidArgument(
            f"The CA file {ca} cannot be read: {error}.",
            do="Name the vault's ca.pem with --ca or SECONDSITE_CA.",
        ) from error


def _address(url: str) -> str:
    """The address, if it is an https address: a token is sent to no other kind. Raises InvalidArgument."""
    try:
        found = urlsplit(url)
        if found.scheme == "https" and found.hostname and found.port != 0 and url.isprintable():
            httpx2.URL(url)
            return url
    except (ValueError, httpx2.InvalidURL):
        pass
    raise errors.InvalidArgument(
        f"{url!r} is not an https address.",
        do="Give https://HOST:PORT of the vault, an IPv6 address in brackets.",
    )


def _printable(token: str) -> str:
    if token.isascii() and token.isprintable() and token == token.strip() != "":
        return token
    raise errors.Unauthenticated(
        "The access token is invalid: it is empty, or has blanks or other characters that no token has.",
        do="Set SECONDSITE_TOKEN, or give --token-file, as it was shown when it was made.",
    )


def _raise_for(answer: httpx2.Response) -> None:
    if not answer.is_success:
        raise refused(answer.status_code, answer.content)


def refused(status: int, content: bytes) -> errors.SecondsiteError:
    """The error that an answer with this status tells."""
    try:
        return rest.ErrorBody.model_validate_json(content).error.raised()
    except pydantic.ValidationError:
        said = content.decode(errors="replace")[:200]
        return errors.Internal(f"The vault answered {status}: {said}")
