"""The web console: files that were built with the package (`console/` has their sources), beside the API on
its port.

They are the same for everybody and know nothing of any vault, so that no token is asked for: what the pages
show they ask of the API. Nothing is compressed here, nor kept in memory.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..ground.connection_limits import Visitors

BASE = "/console/"
BUILT = Path(__file__).parent / "built_console"
INDEX = "index.html"
SEND_SECONDS = 30.0
"""The longest that sending a part of a file may take: a browser that does not read is taken for gone."""
PART_BYTES = 65_536
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types live"
)
"""What a page of the console may load and run: its own files only, no inline script or style, no text that
becomes a script."""
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
PACKED = {"br": ".br", "gzip": ".gz"}
"""The encodings in which a file may lie beside itself, the best first."""
REFUSED = re.compile(r";\s*q=0(\.0*)?$")


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file of the console, and the encodings that it lies there in."""

    path: Path
    encodings: tuple[str, ...]

    @property
    def lasts(self) -> bool:
        """Whether its name has a digest of its content: another content has another name."""
        return self.path.parent.name == "assets"


class Console:
    """In front of the application of the API: answers what is the console's, and hands on everything else."""

    def __init__(self, app: ASGIApp, visitors: Visitors, built: Path = BUILT) -> None:
        self._app = app
        self._visitors = visitors
        self._files = dict(_files(built))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path == "/" or path == BASE.rstrip("/") or path.startswith(BASE):
            with self._visitors.asking(_peer(scope)):
                answer = await run_in_threadpool(self._answer, scope, path)
                await answer(scope, receive, self._in_time(_peer(scope), send))
        else:
            await self._app(scope, receive, send)

    def _answer(self, scope: Scope, path: str) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return _said(
                HTTPStatus.METHOD_NOT_ALLOWED, "A page of the console is only read.", Allow="GET, HEAD"
            )
        if not path.startswith(BASE):
            return RedirectResponse(BASE, HTTPStatus.FOUND, ALWAYS)
        name = path.removeprefix(BASE)
        found = self._files.get(name)
        if found is None and "." not in name.rpartition("/")[2]:
            found = self._files.get(INDEX)  # a path of the console's own pages
        if found is None:
            return _said(HTTPStatus.NOT_FOUND, "The console has no such file.")
        return _shown(found, Headers(scope=scope))

    def _in_time(self, peer: tuple[str, int], send: Send) -> Send:
        async def send_in_time(message: Message) -> None:
            try:
                for part in _parts(message):
                    async with asyncio.timeout(SEND_SECONDS):
                        await send(part)
            except TimeoutError:
                self._visitors.cut(peer, "does-not-read")

        return send_in_time


def _files(built: Path) -> Iterator[tuple[str, BuiltFile]]:
    there = {path for path in built.rglob("*") if path.is_file()}
    for path in there:
        if path.suffix in KINDS:
            packed = tuple(
                name for name, suffix in PACKED.items() if path.with_name(path.name + suffix) in there
            )
            yield path.relative_to(built).as_posix(), BuiltFile(path, packed)


def _shown(found: BuiltFile, asked: Headers) -> Response:
    encoding = _encoding(found.encodings, asked.get("accept-encoding", ""))
    path = found.path.with_name(found.path.name + PACKED.get(encoding, ""))
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    headers = {**ALWAYS, "Vary": "Accept-Encoding", "ETag": tag}
    headers["Cache-Control"] = FOR_EVER if found.lasts else "no-cache"
    if asked.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(content, headers=headers, media_type=KINDS[found.path.suffix])


def _encoding(there: tuple[str, ...], accepted: str) -> str:
    """The best encoding that is there and is accepted; empty: none."""
    words = [each.strip().lower() for each in accepted.split(",")]
    taken = {each.partition(";")[0].strip() for each in words if not REFUSED.search(each)}
    return next((each for each in there if each in taken), "")


def _said(status: HTTPStatus, text: str, **headers: str) -> Response:
    return Response(text + "\n", status, {**ALWAYS, **headers}, media_type="text/plain; charset=utf-8")


def _parts(message: Message) -> Iterator[Message]:
    """The message in portions: each has its own time, so that a thin link gets even a long file."""
    body = message.get("body", b"")
    if len(body) <= PART_BYTES:
        yield message
        return
    for begin in range(0, len(body), PART_BYTES):
        more = begin + PART_BYTES < len(body)
        yield {**message, "body": body[begin : begin + PART_BYTES], "more_body": more}


def _peer(scope: Scope) -> tuple[str, int]:
    host, port = scope.get("client") or ("", 0)
    return host, port
