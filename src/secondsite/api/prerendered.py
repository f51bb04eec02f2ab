"""Answers that are written as JSON where they are made: once, in the request's own thread.

Otherwise FastAPI checks what a route returns against its shape once more, in another thread, and writes it in
the event loop, where all other requests wait for it. Only for shapes that the facade made, which are valid
already.
"""

from fastapi import Response

from ..wire.common.base import Shape


def written(shape: Shape) -> Response:
    """The shape as a JSON answer. The route names it as its `response_model`, for the description of the
    API."""
    return as_json(shape.model_dump_json())


def as_json(text: str) -> Response:
    """JSON that the facade has written, as an answer."""
    return Response(text, media_type="application/json")
