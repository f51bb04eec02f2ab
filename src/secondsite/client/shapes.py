"""Shapes of answers that only clients need to read."""

from datetime import datetime

from ..wire.base import Shape


class TokenName(Shape):
    """An access token as the vault remembers it: never the token itself."""

    name: str
    created_at: datetime


class NewToken(Shape):
    """A token that was just made: this answer is the only one that holds it."""

    name: str
    token: str


class TokenCreate(Shape):
    name: str
