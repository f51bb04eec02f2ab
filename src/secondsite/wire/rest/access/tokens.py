"""Access tokens of people and programs."""

from pydantic import AwareDatetime, ConfigDict, Field

from ....domain.access.roles import Role
from ....ground.units import DAY
from ...common.base import Shape

LIVES_SECONDS = 90 * DAY
LONGEST_SECONDS = 3650 * DAY


class TokenCreate(Shape):
    """A new access token. What is no field of it is refused: one that was to limit it would be given for
    the whole vault."""

    model_config = ConfigDict(extra="forbid")

    name: str
    """Whom or what it is for: 1 to 100 letters (a to z), digits, blanks and . _ - + @; a letter or digit
    at both ends."""
    roles: tuple[Role, ...] = Field(min_length=1)
    """What its holder is."""
    site: str | None = None
    """The site that it is limited to; null: the whole vault."""
    valid_seconds: float | None = Field(LIVES_SECONDS, gt=0, le=LONGEST_SECONDS)
    """How long it is valid; null: until it is deleted."""
    person: str | None = None
    """Whose it is, where a person has several tokens; null: as it is named."""


class TokenRotate(Shape):
    """A new secret for a token."""

    model_config = ConfigDict(extra="forbid")

    former_valid_seconds: float = Field(0, ge=0, le=DAY)
    """How long the former secret is valid beside it, at most a day; 0: it ends at once."""


class Token(Shape):
    """An access token as the vault remembers it: never the token itself."""

    id: str
    """Its own for ever; names may be given again."""
    name: str
    """Whom or what it is for; jobs show it as `requested_by`."""
    person: str = ""
    """Whose it is: nobody approves what was asked with another token of his own."""
    roles: tuple[Role, ...]
    """What its holder is."""
    site: str | None = None
    """The site that it is limited to; null: the whole vault."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    issued_at: AwareDatetime | None = None
    """When its present secret was made (UTC)."""
    expires_at: AwareDatetime | None = None
    """When it ends (UTC); null: when it is deleted."""
    expired: bool = False
    """Whether that was before now."""
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
