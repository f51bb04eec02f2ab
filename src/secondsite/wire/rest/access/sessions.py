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
    kind: SessionKind = SessionKind.BROWSER
    """Where the session will live: a browser gets a cookie, a command line a secret in the answer."""
    code: str | None = Field(None, max_length=100)
    """A code of the person's second factor, if there is one: of the app, or one for recovery. Without it,
    once all else is right, the answer is 401 with the code second-factor-needed."""
    key_answer: str | None = Field(None, max_length=20_000)
    """Or what a security key of the person answered, as the browser says it in JSON."""


class LoginRequest(Shape):
    """A command line that wants to log in."""

    model_config = ConfigDict(extra="forbid")

    program: str = Field("", max_length=200)
    """What it says that it is, shown to whoever approves it."""


class LoginAsked(Shape):
    """A code to show to a person, and the secret by which to ask what became of it."""

    code: str
    """The person gives it to the vault's console, or to 'secondsite session approve CODE'."""
    secret: str
    """By which to ask; only this answer contains it."""
    until: AwareDatetime
    """Until when it can be approved (UTC)."""
    poll_seconds: float
    """How often to ask."""


class PendingLogin(Shape):
    """A command line that waits until somebody who is logged in approves it."""

    code: str
    """The code that it shows."""
    program: str
    """What it says that it is."""
    address: str
    """From where it asks."""
    asked_at: AwareDatetime
    """Since when (UTC)."""
    until: AwareDatetime
    """Until when it can be approved (UTC)."""


class LoginPoll(Shape):
    """Asks what became of a log-in."""

    model_config = ConfigDict(extra="forbid")

    secret: str = Field(max_length=200)
    """The secret of the answer to the request."""


class Identity(Shape):
    """Who the caller is, and what it may do."""

    name: str
    """Its name, by which it stands in the audit log."""
    person: str
    """The person: nobody can approve a request of the same person."""
    is_person: bool = False
    """Whether it is a person who logs in with a name; else it holds an access token."""
    provider: str | None = None
    """The provider that says who the person is; null: a password or an access token does."""
    roles: tuple[Role, ...]
    """Its roles."""
    lacks_second_factor: bool = False
    """Whether roles above reader count only once a second factor is set up and shown."""
    has_second_factor: bool = False
    """Whether the person set up a second factor."""
    has_app: bool = False
    """Whether it is an app that shows codes, or one as well."""
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


class LoggedIn(Identity):
    """Who has just logged in."""

    secret: str | None = None
    """Of a command line's session: give it as 'Authorization: Bearer SECRET'. Null for a browser, which has a
    cookie."""


class LoginPolled(Shape):
    """What became of a log-in."""

    logged_in: LoggedIn | None = None
    """The session; only this answer contains it. Null: nobody has approved it yet."""


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
