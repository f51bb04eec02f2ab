"""How an error looks in an answer."""

from ..common.base import Problem, Shape


class ErrorBody(Shape):
    """The body of every answer with a status of 400 or above."""

    error: Problem
    """What happened, and what to do."""
