"""Pages that were built before, beside the API on its port: those of the console, and those of the manual.

They are the same for everybody and know nothing of any vault, so that no token is asked for. Nothing is
compressed here, nor kept in memory.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..ground.connection_limits import Visitors

INDEX = "index.html"
SEND_SECONDS = 30.0
"""The longest that sending a part of a file may take: a browser that does not read is taken for gone."""
PART_BYTES = 65_536
ALWAYS = {
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
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
PACKED = {"br": ".br", "gzip": ".gz"}
"""The encodings in which a file may lie there, the best first."""
REFUSED = re.compile(r";\s*q=0(\.0*)?$")


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file, and the encodings that it lies there in; `is_plain`: as itself, too."""

    path: Path
    encodings: tuple[str, ...]
    is_plain: bool

    @property
    def lasts(self) -> bool:
        """Whether its name has a digest of its content: another content has another name."""
        return self.path.parent.name == "assets"

    def content(self, encoding: str) -> bytes:
        """In one of its encodings; as itself, if that is empty."""
        if encoding or self.is_plain:
            return _beside(self.path, PACKED.get(encoding, "")).read_bytes()
        return gzip.decompress(_beside(self.path, PACKED["gzip"]).read_bytes())


class Pages:
    """What was built into a folder, and is shown below a path. `policy`: its content security policy.
    `one_page`: its first page is each one that has no file of its own. `missing`: what is said if a page is
    not there."""

    def __init__(self, base: str, folder: Path, policy: str, missing: str, *, one_page: bool = False) -> None:
        self.base, self.missing = base, missing
        self.headers = {**ALWAYS, "Content-Security-Policy": policy}
        self._files = dict(_files(folder))
        self._one_page = one_page

    def has(self, path: str) -> bool:
        return path == self.base.rstrip("/") or path.startswith(self.base)

    def answer(self, scope: Scope) -> Response:
        """What is shown at a path that it has."""
        if scope["method"] not in ("GET", "HEAD"):
            said = "A page is only read here."
            return self._said(HTTPStatus.METHOD_NOT_ALLOWED, said, Allow="GET, HEAD")
        if not scope["path"].startswith(self.base):
            return self.redirect()
        name = scope["path"].removeprefix(self.base)
        found = self._files.get(name or INDEX)
        if found is None and self._one_page and "." not in name.rpartition("/")[2]:
            found = self._files.get(INDEX)
        if found is None:
            return self._said(HTTPStatus.NOT_FOUND, self.missing)
        return self._shown(found, Headers(scope=scope))

    def redirect(self) -> Response:
        """To its first page."""
        return RedirectResponse(self.base, HTTPStatus.FOUND, self.headers)

    def _shown(self, found: BuiltFile, asked: Headers) -> Response:
        encoding = _encoding(found.encodings, asked.get("accept-encoding", ""))
        content = found.content(encoding)
        tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
        headers = {**self.headers, "Vary": "Accept-Encoding", "ETag": tag}
        headers["Cache-Control"] = FOR_EVER if found.lasts else "no-cache"
        if asked.get("if-none-match") == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Response(content, headers=headers, media_type=KINDS[found.path.suffix])

    def _said(self, status: HTTPStatus, text: str, **headers: str) -> Response:
        headers = {**self.headers, **headers}
        return Response(f"{text}\n", status, headers, media_type="text/plain; charset=utf-8")


class BuiltPages:
    """In front of the application of the API: answers for the pages, and hands on everything else. The root
    leads to the first of them."""

    def __init__(self, app: ASGIApp, visitors: Visitors, pages: Sequence[Pages]) -> None:
        self._app, self._visitors, self._pages = app, visitors, pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        pages = (
            self._pages[0] if path == "/" else next((each for each in self._pages if each.has(path)), None)
        )
        if pages is None:
            await self._app(scope, receive, send)
            return
        with self._visitors.asking(_peer(scope)):
            answer = await run_in_threadpool(pages.answer, scope)
            await answer(scope, receive, self._in_time(_peer(scope), send))

    def _in_time(self, peer: tuple[str, int], send: Send) -> Send:
        async def send_in_time(message: Message) -> None:
            try:
                for part in _parts(message):
                    async with asyncio.timeout(SEND_SECONDS):
                        await send(part)
            except TimeoutError:
                self._visitors.cut(peer, "does-not-read")

        return send_in_time


def _files(folder: Path) -> Iterator[tuple[str, BuiltFile]]:
    there = {path for path in folder.rglob("*") if path.is_file()}
    packed = tuple(PACKED.values())
    for path in {path.with_suffix("") if path.suffix in packed else path for path in there}:
        if path.suffix in KINDS:
            encodings = tuple(name for name, suffix in PACKED.items() if _beside(path, suffix) in there)
            yield path.relative_to(folder).as_posix(), BuiltFile(path, encodings, path in there)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _encoding(there: Sequence[str], accepted: str) -> str:
    """The best encoding that is there and is accepted; empty: none."""
    words = [each.strip().lower() for each in accepted.split(",")]
    taken = {each.partition(";")[0].strip() for each in words if not REFUSED.search(each)}
    return next((each for each in there if each in taken), "")


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
