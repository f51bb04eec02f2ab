"""Access tokens of people and programs."""

from pydantic import AwareDatetime

from ..common.base import Shape


class TokenCreate(Shape):
    """A new access token."""

    name: str
    """Whom or what it is for: 1 to 100 characters."""


class Token(Shape):
    """An access token as the vault remembers it: never the token itself."""

    name: str
    """Whom or what it is for; jobs show it as `requested_by`."""
    created_at: AwareDatetime
    """When it was made (UTC)."""


class NewToken(Shape):
    """A token that was just made: only this answer contains it."""

    name: str
    """Whom or what it is for."""
    token: str
    """Give it as 'Authorization: Bearer TOKEN'."""
