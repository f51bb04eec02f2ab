"""What travels in headers: where a job is, which edition was seen, and that a request is to be carried out once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Header, Request, Response

from ..vault.facade.shared.editions import Seen
from ..vault.facade.shared.once import Once
from ..wire.common.base import Editable
from .access import Caller

E = TypeVar("E", bound=Editable)
EVERY_ANSWER = {"schema": {"type": "string"}}
LOCATION = {"Location": {"description": "Where to look at it.", **EVERY_ANSWER}}
ETAG = {
    "ETag": {"description": "The edition that was seen: give it as If-Match with a change.", **EVERY_ANSWER}
}


def answers(status: int, *headers: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: which headers its good answer has."""
    return {status: {"headers": {name: what for each in headers for name, what in each.items()}}}


def tag(response: Response, shown: E) -> E:
    """What is shown; the answer tells its edition."""
    response.headers["ETag"] = f'"{shown.edition()}"'
    return shown


def locate(response: Response, *path: str) -> None:
    """Tell where to look at what was started or made."""
    response.headers["Location"] = "/".join(("/api", *(quote(part, safe="") for part in path)))


def seen(
    if_match: Annotated[
        str | None,
        Header(
            description="ETags of what the caller saw: refused with 412 when it is none of these any more."
        ),
    ] = None,
) -> Seen | None:
    """The editions that the caller saw; None for no condition. Weak tags match nothing."""
    if if_match is None:
        return None
    return frozenset(part.strip().removeprefix('"').removesuffix('"') for part in if_match.split(","))


IfMatch = Annotated[Seen | None, Depends(seen)]
Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="Any text that is new for every new request, such as a UUID: a repeat of the same request with it "
        "within a day changes nothing and gets the first one's answer; another request with it gets 422.",
    ),
]


async def once_for_all(request: Request, idempotency_key: Key = None) -> Once | None:
    """The request's idempotency key and digest, whoever asks; None without a key."""
    if idempotency_key is None:
        return None
    what = json.dumps([request.method, request.url.path, await _body(request)], sort_keys=True)
    return Once(idempotency_key, hashlib.sha256(what.encode()).hexdigest())


async def _body(request: Request) -> object:
    """The body by its meaning: order and blanks do not matter."""
    raw = await request.body()
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return raw.hex()


OpenOnceHeader = Annotated[Once | None, Depends(once_for_all)]


def once(caller: Caller, asked: OpenOnceHeader) -> Once | None:
    """The same for a caller with a token: others may use the same keys."""
    return None if asked is None else Once(asked.key, asked.request_sha256, caller)


OnceHeader = Annotated[Once | None, Depends(once)]
