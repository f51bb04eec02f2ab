"""Calls to the REST API of a cluster, by one of its nodes.

A node that does not answer is passed over: any node speaks for the cluster. A call that changes something
goes to another node only if it certainly did not arrive, so nothing is done twice. Each call has one deadline
for all of it, however slowly a node answers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2
import structlog
from pydantic import JsonValue

from ...ground import bounded_json, threads
from ...ground.units import MiB
from . import access, errors

CALL_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 4.0
SILENT_SECONDS: Final = 10.0
"""How long a node may say nothing before another one is asked."""
LATE_SECONDS: Final = 5.0
MOST_BYTES: Final = 8 * MiB
"""A list of 10,000 machines has about five."""
MOST_PARTS: Final = 400_000
MOST_CONNECTIONS: Final = 4
NOT_ARRIVED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
OK = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        return self.method != "GET"


class Connection:
    """One cluster; used by several threads at once."""

    def __init__(self, by: access.Access, *, seconds: float = CALL_SECONDS) -> None:
        """Does not dial yet. Raises NotPossibleNow and InvalidArgument for what cannot be used."""
        self._by, self._seconds = by, seconds
        access.token(by.token_file)
        context = access.trusting(by.ca_file)
        self._nodes = {url: _client(url, context) for url in access.base_urls(by.addresses)}
        self._order = list(self._nodes)
        self._loop = asyncio.new_event_loop()
        self._worker = threads.worker("pve", self._loop.run_forever)
        self._worker.start()

    def get(self, path: str, fields: Mapping[str, str] | None = None) -> JsonValue:
        """What is at a path, such as /cluster/resources. Raises PveAway, PveRefused, NotPossibleNow."""
        return self._asked(_Call("GET", path, fields or {}))

    def post(self, path: str, fields: Mapping[str, str] | None = None) -> JsonValue:
        """The answer to an act; a long one is a task's UPID. Raises as `get`; after PveAway it may have been
        done."""
        return self._asked(_Call("POST", path, fields or {}))

    def put(self, path: str, fields: Mapping[str, str]) -> JsonValue:
        """The same for a change of what is there."""
        return self._asked(_Call("PUT", path, fields))

    def delete(self, path: str) -> JsonValue:
        """The same for something that goes, such as a task."""
        return self._asked(_Call("DELETE", path))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop)
        if threads.have_ended([self._worker], LATE_SECONDS):
            self._loop.close()

    async def _shut(self) -> None:
        for client in self._nodes.values():
            await client.aclose()
        self._loop.stop()

    def _asked(self, call: _Call) -> JsonValue:
        answer = asyncio.run_coroutine_threadsafe(self._in_time(call), self._loop)
        try:
            return answer.result(self._seconds + LATE_SECONDS)
        except concurrent.futures.TimeoutError:
            answer.cancel()
            raise _late(call, self._seconds) from None

    async def _in_time(self, call: _Call) -> JsonValue:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._by_any_node(call)
        except TimeoutError:
            raise _late(call, self._seconds) from None

    async def _by_any_node(self, call: _Call) -> JsonValue:
        token, problems = access.token(self._by.token_file), []
        for url in tuple(self._order):
            try:
                status, reason, body = await self._answer(self._nodes[url], call, token)
            except httpx2.TransportError as problem:
                problems.append(f"{_host(url)}: {_why(problem)}")
                if call.changes and not isinstance(problem, NOT_ARRIVED):
                    raise _unknown_outcome(call, problems[-1]) from None
                self._pass_over(url, problems[-1])
                continue
            return _data(call, status, reason, body)
        raise errors.PveAway(f"No node of Proxmox VE answers. {'; '.join(problems)}.")

    def _pass_over(self, url: str, problem: str) -> None:
        """Ask it last from now on."""
        if self._order[0] == url and len(self._order) > 1:
            log.warning("pve.node-away", node=_host(url), problem=problem)
        self._order = [each for each in self._order if each != url] + [url]

    async def _answer(self, client: httpx2.AsyncClient, call: _Call, token: str) -> tuple[int, str, bytes]:
        fields = dict(call.fields) or None
        data, params = (fields, None) if call.changes else (None, fields)
        headers = {"Authorization": f"PVEAPIToken={token}", "Accept-Encoding": "identity"}
        asked = client.stream(call.method, call.path, headers=headers, data=data, params=params)
        async with asked as answer:
            return answer.status_code, answer.reason_phrase, await _body(call, answer)


def _client(url: str, context: ssl.SSLContext) -> httpx2.AsyncClient:
    """No proxy, no credentials of the environment, no redirect: only the node itself is asked."""
    times = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
    limits = httpx2.Limits(max_connections=MOST_CONNECTIONS)
    return httpx2.AsyncClient(
        base_url=url, verify=context, timeout=times, limits=limits, trust_env=False, follow_redirects=False
    )


async def _body(call: _Call, answer: httpx2.Response) -> bytes:
    found = bytearray()
    async for part in answer.aiter_raw():
        found += part
        if len(found) > MOST_BYTES:
            raise errors.PveRefused(f"Proxmox VE answers more than {MOST_BYTES // MiB} MiB to {call}.")
    return bytes(found)


def _data(call: _Call, status: int, reason: str, body: bytes) -> JsonValue:
    """What was asked for. Raises the error that was answered: older releases say it in the status line
    alone."""
    try:
        said = bounded_json.parse(body, MOST_PARTS)
    except ValueError as problem:
        said = None
        if status == OK:
            raise _odd(call, str(problem)) from None
    told = said if isinstance(said, dict) else {}
    if status != OK:
        message = told.get("message") or reason
        raise errors.refusal(status, str(call), message, told.get("errors"))
    if "data" not in told:
        raise _odd(call, "it has no data")
    data: JsonValue = told["data"]
    return data


def _odd(call: _Call, why: str) -> errors.PveRefused:
    return errors.PveRefused(
        f"The answer to {call} cannot be taken: {errors.plain(why)}.",
        do="Look whether the address is that of a Proxmox VE node, and of no proxy before it.",
    )


def _late(call: _Call, seconds: float) -> errors.PveAway:
    return errors.PveAway(f"Proxmox VE did not answer {call} within {seconds:.0f} s.{_perhaps(call)}")


def _unknown_outcome(call: _Call, problem: str) -> errors.PveAway:
    return errors.PveAway(f"The connection broke during {call}: {problem}.{_perhaps(call)}")


def _perhaps(call: _Call) -> str:
    return " It may have been done." if call.changes else ""


def _host(url: str) -> str:
    return httpx2.URL(url).netloc.decode()


def _why(problem: BaseException) -> str:
    return errors.plain(problem).rstrip(".") or type(problem).__name__
