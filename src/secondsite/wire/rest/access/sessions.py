"""Sessions of whoever logged in."""

from pydantic import AwareDatetime, ConfigDict, Field

from ....domain.access.roles import Permission, Role
from ....domain.access.sessions import LogInWay, SessionKind
from ...common.base import Shape


class LogIn(Shape):
    """A log-in: with an access token, or with name and password, or with a link. An unknown field is
    refused."""

    model_config = ConfigDict(extra="forbid")

    token: str | None = Field(None, max_length=200)
    """An access token."""
    name: str | None = Field(None, max_length=100)
    """The name of a person."""
    password: str | None = Field(None, max_length=1000)
    """The person's password."""
    link: str | None = Field(None, max_length=200)
    """The code of a link that lets a person in once."""
    code: str | None = Field(None, max_length=100)
    """A code of the person's second factor, if there is one: of the app, or one for recovery. Without it,
    once all else is right, the answer is 401 with the code second-factor-needed."""


class Identity(Shape):
    """Who the caller is, and what it may do."""

    name: str
    """Its name, by which it stands in the audit log."""
    person: str
    """The person: nobody can approve a request of the same person."""
    is_person: bool = False
    """Whether it is a person who logs in with a name; else it holds an access token."""
    roles: tuple[Role, ...]
    """Its roles."""
    lacks_second_factor: bool = False
    """Whether roles above reader count only once a second factor is set up and shown."""
    has_second_factor: bool = False
    """Whether the person set up a second factor."""
    chooses_password: bool = False
    """Whether it came by a link, and may choose a password without saying the present one."""
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
