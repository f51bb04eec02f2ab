"""Answers that are written where they were made: in the request's own thread, once.

What a route returns otherwise is checked against its shape once more, in another thread, and written in the
event loop, where all other requests wait for it. Only for shapes that the facade made, which are what they
say.
"""

from fastapi import Response

from ..wire.common.base import Shape


def written(shape: Shape) -> Response:
    """The shape as JSON. The route names it as its `response_model`, for the description of the API."""
    return as_json(shape.model_dump_json())


def as_json(text: str) -> Response:
    """What the facade has written."""
    return Response(text, media_type="application/json")
