"""A provider is asked over HTTPS: within a time, for a short answer. Redirects are not followed, and proxies
not used."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...domain import errors
from ...ground import bounded_json, threads
from ...ground.units import KiB
from ..notices.delivery import NotDelivered, context, plain, require_receiver

if TYPE_CHECKING:
    import httpcore2
    import httpx2

DEADLINE_SECONDS = 10.0
"""For all of an answer: a provider that says a byte now and then gets no more."""
MOST_BYTES, MOST_PARTS = 256 * KiB, 10_000
Said = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Question:
    """What a provider is asked: a POST if there is a form. `ca_pem`: the CA of its certificate, if that is
    not one that the host trusts."""

    url: str
    ca_pem: str | None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None


def ask(question: Question) -> tuple[int, Said]:
    """The status and the object of the answer. Raises ProviderUnavailable."""
    answer: Future[tuple[int, Said]] = Future()
    threads.worker("provider", _answer, question, answer).start()
    try:
        return answer.result(DEADLINE_SECONDS)
    except TimeoutError as late:
        raise unavailable(f"{question.url} did not answer within {DEADLINE_SECONDS:.0f} s") from late
    except NotDelivered as refused:
        raise unavailable(f"{question.url} is not asked: {refused}") from refused


def _answer(question: Question, answer: Future[tuple[int, Said]]) -> None:
    """In a thread that is not waited for: where name servers are silent, it lasts as long as they are asked
    (three of them, 56 s)."""
    try:
        answer.set_result(asyncio.run(_in_time(question)))
    except BaseException as problem:
        answer.set_exception(problem)


async def _in_time(question: Question) -> tuple[int, Said]:
    import httpx2

    async with asyncio.timeout(DEADLINE_SECONDS):
        try:
            return await _asked(question)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as problem:
            raise unavailable(f"{question.url} cannot be reached: {_said(problem)}") from problem


async def _asked(question: Question) -> tuple[int, Said]:
    import httpx2

    method = "GET" if question.form is None else "POST"
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **(question.headers or {})}
    tls = context(question.ca_pem)
    async with httpx2.AsyncClient(verify=tls, trust_env=False, timeout=DEADLINE_SECONDS) as client:
        asked = client.stream(
            method,
            question.url,
            data=question.form,
            headers=headers,
            extensions={"trace": _no_own_network},
            follow_redirects=False,
        )
        async with asked as answer:
            return answer.status_code, _object(question.url, await _body(question.url, answer))


async def _no_own_network(event: str, told: Mapping[str, object]) -> None:
    """Raises NotDelivered, before anything was sent, for an address that no provider has."""
    if event == "connection.connect_tcp.complete":
        opened: httpcore2.AsyncNetworkStream = told["return_value"]  # type: ignore[assignment]
        try:
            require_receiver(opened.get_extra_info("server_addr")[0])
        except NotDelivered:
            await opened.aclose()
            raise


async def _body(url: str, answer: "httpx2.Response") -> bytes:
    found = bytearray()
    async for part in answer.aiter_raw():
        found += part
        if len(found) > MOST_BYTES:
            raise unavailable(f"{url} answers more than {MOST_BYTES // KiB} KiB")
    return bytes(found)


def _object(url: str, body: bytes) -> Said:
    try:
        found = bounded_json.parse(body, MOST_PARTS)
    except ValueError as problem:
        raise unavailable(f"{url} answers what is no JSON") from problem
    if not isinstance(found, dict):
        raise unavailable(f"{url} answers no object")
    return found


def require_certificates(ca_pem: str | None) -> None:
    """Raises InvalidArgument for certificates that cannot be read. None at all is not what the host trusts: a
    file that failed to be written would widen whom the vault believes."""
    try:
        if ca_pem is not None and not ca_pem.strip():
            raise NotDelivered("There are no certificates in what was given.")
        context(ca_pem)
    except NotDelivered as problem:
        raise errors.InvalidArgument(str(problem), do="Give PEM certificates, with --ca-file.") from problem


def _said(problem: Exception) -> str:
    return plain(str(problem)).rstrip(".") or type(problem).__name__


def unavailable(what: str) -> errors.ProviderUnavailable:
    """The error that says what is wrong with a provider."""
    return errors.ProviderUnavailable(f"{what}.")
