"""HTTP headers: Location of a job, ETag and If-Match of an edition, Idempotency-Key of a request."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, Header, Request, Response

from ..domain import errors
from ..vault.facade.shared.editions import Seen
from ..vault.facade.shared.idempotency import Once
from ..wire.common.base import Editable
from .access import Known

E = TypeVar("E", bound=Editable)
ANY = "*"
MOST_READ = 12_000
"""The most characters of As-Read: a server takes 16 KiB of all headers together."""
TAG = re.compile(r'(W/)?"([^"\s]*)"')
TAGS = re.compile(rf"\s*{TAG.pattern}\s*(,\s*{TAG.pattern}\s*)*")
EVERY_ANSWER = {"schema": {"type": "string"}}
LOCATION = {"Location": {"description": "Where to find it.", **EVERY_ANSWER}}
ETAG = {
    "ETag": {"description": "The edition that was seen: give it as If-Match with a change.", **EVERY_ANSWER}
}


def answers(status: int, *headers: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    """A route's `responses`: the headers of its successful answer."""
    return {status: {"headers": {name: what for each in headers for name, what in each.items()}}}


def tag(response: Response, shown: E) -> E:
    """Set the ETag of what is shown; gives it unchanged."""
    response.headers["ETag"] = f'"{shown.edition()}"'
    return shown


def locate(response: Response, *path: str) -> None:
    """Set the Location of what was started or created."""
    response.headers["Location"] = "/".join(("/api", *(quote(part, safe="") for part in path)))


async def seen(
    request: Request,
    _described: Annotated[
        str | None,
        Header(
            alias="if-match",
            description="ETags that the caller saw; 412 if the present edition is none of these.",
        ),
    ] = None,
) -> Seen | None:
    """The editions that the caller saw; None for no condition, or any edition. Weak tags match nothing.

    Raises InvalidArgument for a header that is not a list of tags.
    """
    given = ",".join(request.headers.getlist("if-match"))
    if "if-match" not in request.headers or given.strip() == ANY:
        return None
    if not TAGS.fullmatch(given):
        raise errors.InvalidArgument(
            "If-Match is neither * nor a list of ETags.", do="Give ETags unchanged, with their quotes."
        )
    return frozenset(tag for weak, tag in TAG.findall(given) if not weak)


async def as_read(
    numbers: Annotated[
        str | None,
        Header(
            alias="as-read",
            max_length=MOST_READ,
            pattern=r"^[0-9]{1,18}( ?, ?[0-9]{1,18})*$",
            description="`generation` of each machine that this is for, as the caller read it, in the order "
            "of the request: 3 or 3,1,7; for the end of test failovers `drill_generation` is added to each. "
            "For a plan: of all its machines, in its order, and with its ETag as If-Match. 412 if a machine "
            "that this would act on has another number now: it was moved since. It is not asked again when a "
            "second person approves.",
        ),
    ] = None,
) -> tuple[int, ...] | None:
    """What the caller read of the machines, in their order; None for whatever they are."""
    return None if numbers is None else tuple(map(int, numbers.split(",")))


AsRead = Annotated[tuple[int, ...] | None, Depends(as_read)]
IfMatch = Annotated[Seen | None, Depends(seen)]
Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="Any text that is new for every new request, such as a UUID: a repeat of the same "
        "request with it within a day changes nothing and gets the first one's answer; another request with "
        "it gets 422.",
    ),
]


async def once_for_all(request: Request, idempotency_key: Key = None) -> Once | None:
    """The request's idempotency key and digest, without regard to its caller; None without a key."""
    if idempotency_key is None:
        return None
    what = json.dumps([request.method, request.scope["path"], await _body(request)], sort_keys=True)
    return Once(idempotency_key, hashlib.sha256(what.encode()).hexdigest())


async def _body(request: Request) -> object:
    """The body's content: order of fields and blanks do not matter."""
    raw = await request.body()
    try:
        return json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return raw.hex()


OpenOnceHeader = Annotated[Once | None, Depends(once_for_all)]


async def once(known: Known, asked: OpenOnceHeader) -> Once | None:
    """As `once_for_all`, for the caller's token: other tokens may use the same keys, even a later one of the
    same name."""
    return None if asked is None else Once(asked.key, asked.request_sha256, known.token_sha256)


OnceHeader = Annotated[Once | None, Depends(once)]
