"""Sessions of whoever logged in."""

from pydantic import AwareDatetime, ConfigDict, Field

from ....domain.access.roles import Permission, Role
from ....domain.access.sessions import LogInWay, SessionKind
from ...common.base import Shape


class LogIn(Shape):
    """A log-in. An unknown field is refused."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=200)
    """An access token."""


class Identity(Shape):
    """Who the caller is, and what it may do."""

    name: str
    """Its name, by which it stands in the audit log."""
    person: str
    """The person: nobody can approve a request of the same person."""
    roles: tuple[Role, ...]
    """Its roles."""
    site: str | None = None
    """The site that it is limited to; null: the whole vault."""
    permissions: tuple[Permission, ...]
    """What its roles allow, by the permission that each call needs."""
    session_id: str | None = None
    """The session of the request; null: it was made with an access token."""
    ends_at: AwareDatetime | None = None
    """When the session, or the token, ends (UTC); null: when the token is deleted."""
    idle_ends_at: AwareDatetime | None = None
    """When the session ends if no further request comes (UTC); null: that ends nothing."""


class Session(Shape):
    """A session: somebody who is logged in."""

    id: str
    """Its id, by which it can be ended; it opens nothing."""
    name: str
    """Who logged in."""
    kind: SessionKind
    """Where it lives."""
    way: LogInWay
    """What was shown at the log-in."""
    began_at: AwareDatetime
    """When (UTC)."""
    seen_at: AwareDatetime
    """When its last request came (UTC), to some minutes."""
    ends_at: AwareDatetime
    """When it ends (UTC)."""
    idle_ends_at: AwareDatetime | None = None
    """When it ends if no further request comes (UTC); null: that does not end it."""
    address: str
    """From where it was begun."""
    program: str
    """What the browser said that it is."""
    present: bool = False
    """Whether this request was made in it."""
