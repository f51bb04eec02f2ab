"""How an error looks in an answer."""

from ..common.base import Problem, Shape


class ErrorBody(Shape):
    """Every answer from 400 on."""

    error: Problem
    """What happened, and what to do."""
