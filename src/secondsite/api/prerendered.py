"""Answers that are written as JSON where they are made: once, in the request's own thread.

Otherwise FastAPI checks what a route returns against its shape once more, in another thread, and writes it in
the event loop, where all other requests wait for it. Only for shapes that the facade made, which are valid
already.
"""

import gzip

from fastapi import Request, Response

from ..wire.common.base import Shape


def written(shape: Shape) -> Response:
    """The shape as a JSON answer. The route names it as its `response_model`, for the description of the
    API."""
    return as_json(shape.model_dump_json())


def as_json(text: str) -> Response:
    """JSON that the facade has written, as an answer."""
    return Response(text, media_type="application/json")


WELL = 6
"""The level at which long answers are compressed that many bytes are the same in: a fifth smaller than at the
level of all others, for 2 ms of each megabyte more."""


def as_packed_json(request: Request, text: str) -> Response:
    """Long JSON that the facade has written, compressed well if the client takes that. Called in the
    request's own thread."""
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return as_json(text)
    body = gzip.compress(text.encode(), WELL, mtime=0)
    return Response(
        body, media_type="application/json", headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    )
