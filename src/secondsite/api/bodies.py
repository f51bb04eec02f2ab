"""Reads the body of a request: whole, bounded in size and time, and as JSON that has one meaning only."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence

from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope

from ..domain import errors
from ..ground import bounded_json
from ..ground.units import KiB, MiB

MOST_BYTES = MiB
MOST_OPEN_BYTES = 64 * KiB
"""The longest body of a call that needs no token, in bytes: an enrollment has two."""
BODY_SECONDS = 20.0
SMALL_BYTES = 4 * KiB
"""Longer bodies are read beside other requests, not in their way."""
ODD = re.compile(rb"\\u(0000|d[89a-f])", re.IGNORECASE)
NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")


async def read(scope: Scope, receive: Receive, most_bytes: int) -> bytes:
    """The whole body. Raises RequestTooLarge, RequestTooSlow, InvalidArgument for a body that is not valid
    text, or ConnectionError if the client went away."""
    if declared_bytes(scope) > most_bytes:
        raise _too_large(most_bytes)
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ConnectionError
                found += message.get("body", b"")
                if len(found) > most_bytes:
                    raise _too_large(most_bytes)
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise errors.RequestTooSlow(
            f"The request's body did not come within {BODY_SECONDS:.0f} seconds."
        ) from None
    body = bytes(found)
    return text_of(body) if len(body) <= SMALL_BYTES else await run_in_threadpool(text_of, body)


def declared_bytes(scope: Scope) -> int:
    """The Content-Length header; 0 without one."""
    told = dict(scope["headers"]).get(b"content-length", b"0")
    return int(told) if told.isdigit() else 0


def _too_large(most_bytes: int) -> errors.RequestTooLarge:
    return errors.RequestTooLarge(f"The request's body has more than {most_bytes // KiB} KiB.")


def text_of(body: bytes) -> bytes:
    """The body, if every part of the vault can hold it and reads the same in it. The library that parses JSON
    accepts more: halves of surrogate pairs and NUL, which cannot be stored or shown; other encodings, which
    look empty as UTF-8; a field twice, of which other parsers take the first."""
    try:
        text = body.decode()
        if "\0" in text or text.startswith("\ufeff"):
            raise _no_text()
        _require_few_parts(body)
        value = json.loads(text, object_pairs_hook=_once_each) if text else None
        if ODD.search(body):
            _check(value)
    except UnicodeError:
        raise _no_text() from None
    except (ValueError, RecursionError):
        pass  # the application reports what is wrong
    return body


def _require_few_parts(body: bytes) -> None:
    try:
        bounded_json.require_few_parts(body, bounded_json.MOST_PARTS)
    except ValueError as problem:
        raise errors.InvalidArgument(
            f"The request's body cannot be taken: {problem}.", do="Send it in several requests."
        ) from None


def _once_each(fields: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(fields)
    if len(found) < len(fields):
        twice, _ = Counter(name for name, _ in fields).most_common(1)[0]
        raise errors.InvalidArgument(
            f"The request's body has the field '{twice[:100]}' twice in one object.", do="Give it once."
        )
    return found


def _check(value: object) -> None:
    shown = json.dumps(value, ensure_ascii=False)
    shown.encode()
    if NUL.search(shown):
        raise _no_text()


def _no_text() -> errors.InvalidArgument:
    return errors.InvalidArgument(
        "The request's body is not valid text: it has NUL, half a surrogate pair, or is not UTF-8.",
        do="Send text in UTF-8.",
    )
