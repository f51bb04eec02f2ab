"""Access tokens of people and programs."""

from pydantic import AwareDatetime, ConfigDict, Field

from ....domain.access.roles import Role
from ....ground.units import DAY
from ...common.base import Shape

LIVES_SECONDS = 90 * DAY
LONGEST_SECONDS = 3650 * DAY


class TokenCreate(Shape):
    """A new access token. An unknown field is refused: if it was meant to limit the token, the token would be
    valid for the whole vault."""

    model_config = ConfigDict(extra="forbid")

    name: str
    """Whom or what it is for: 1 to 100 letters (a to z), digits, blanks and . _ - + @; a letter or digit
    at both ends."""
    roles: tuple[Role, ...] = Field(min_length=1)
    """The roles of its holder."""
    site: str | None = None
    """The site that it is limited to; null: the whole vault."""
    valid_seconds: float | None = Field(LIVES_SECONDS, gt=0, le=LONGEST_SECONDS)
    """How long it is valid; null: until it is deleted."""
    person: str | None = None
    """The person who holds it; null: the token's name."""


class TokenRotate(Shape):
    """A new secret for a token."""

    model_config = ConfigDict(extra="forbid")

    former_valid_seconds: float = Field(0, ge=0, le=DAY)
    """How long the former secret is valid beside it, at most a day; 0: it ends at once."""


class Token(Shape):
    """An access token as the vault remembers it: never the token itself."""

    id: str
    """Its id for ever; its name may be used again after it was deleted."""
    name: str
    """Whom or what it is for; jobs show it as `requested_by`."""
    person: str = ""
    """The person who holds it: nobody can approve a request that was made with another token of the same
    person."""
    roles: tuple[Role, ...]
    """The roles of its holder."""
    site: str | None = None
    """The site that it is limited to; null: the whole vault."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    issued_at: AwareDatetime | None = None
    """When its present secret was made (UTC)."""
    expires_at: AwareDatetime | None = None
    """When it ends (UTC); null: when it is deleted."""
    expired: bool = False
    """Whether it has expired."""
    last_used_at: AwareDatetime | None = None
    """When it was last used (UTC), to some minutes; null: never."""
    former_valid_until: AwareDatetime | None = None
    """Until when its former secret is valid too (UTC); null: it is not."""


class NewToken(Shape):
    """A token that was just made: only this answer contains it."""

    name: str
    """Whom or what it is for."""
    token: str
    """Give it as 'Authorization: Bearer TOKEN'."""
    expires_at: AwareDatetime | None = None
    """When it ends (UTC); null: when it is deleted."""
