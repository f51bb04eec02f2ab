"""Providers of OpenID Connect, and log-ins by way of one."""

from pydantic import AwareDatetime, ConfigDict, Field

from ....domain.access import providers
from ....domain.access.roles import Role
from ...common.base import SITE_NAME, Editable, Shape

MOST_CERTIFICATES = 20_000
MOST_SECRET = 1000


class GroupGrantShape(Shape):
    """What a group of the provider's may do."""

    model_config = ConfigDict(extra="forbid")

    group: str = Field(min_length=1, max_length=providers.MOST_OF_A_GROUP)
    """The group, as the provider names it."""
    roles: tuple[Role, ...] = Field(min_length=1, max_length=len(Role))
    """The roles of whoever is in it."""
    site: str | None = None
    """The site that they are limited to; null: the whole vault."""


class ProviderSettings(Shape):
    """A provider of OpenID Connect. An unknown field is refused: it may have been meant to limit somebody."""

    model_config = ConfigDict(extra="forbid")

    issuer: str = Field(max_length=providers.MOST_URL)
    """Its address, as it names itself: https://HOST[:PORT][/PATH]."""
    client_id: str = Field(min_length=1, max_length=providers.MOST_TEXT)
    """What it calls this vault."""
    groups: tuple[GroupGrantShape, ...] = Field((), max_length=providers.MOST_GROUPS)
    """What its groups may do. The first of them that a person is in decides, at each log-in; who is in none
    may not log in."""
    scopes: tuple[str, ...] = Field(("openid", "profile", "groups"), min_length=1, max_length=20)
    """What it is asked to tell."""
    groups_claim: str = Field("groups", min_length=1, max_length=providers.MOST_TEXT)
    """The claim that holds a person's groups; a.b is the part b of the claim a."""
    name_claim: str = Field("preferred_username", min_length=1, max_length=providers.MOST_TEXT)
    """The claim after which a person is named here, at the first log-in."""
    ca_pem: str | None = Field(None, max_length=MOST_CERTIFICATES)
    """CA certificates (PEM) for its server; null: those that the vault's host trusts."""


class ProviderChange(ProviderSettings):
    """The new settings of a provider: all of them, except the secret."""

    secret: str | None = Field(None, min_length=1, max_length=MOST_SECRET)
    """What the vault shows it. It is shown to nobody. Left out: it stays."""


class ProviderCreate(ProviderSettings):
    """A new provider."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63; the log-in shows it."""
    secret: str = Field(min_length=1, max_length=MOST_SECRET)
    """What the vault shows it. It is shown to nobody."""


class Provider(Editable, ProviderSettings):
    """A provider of OpenID Connect."""

    name: str
    """Its name."""
    callback_path: str
    """Where browsers come back to, at each address of the vault: the provider has to allow that."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    changed_at: AwareDatetime
    """When somebody changed it last (UTC)."""


class ProviderTest(Shape):
    """What a provider answered just now."""

    works: bool
    """Whether it says of itself what a log-in needs."""
    said: str
    """What it says, or what is wrong."""
    keys: int = 0
    """How many keys it may sign with that the vault takes."""


class LogInChoice(Shape):
    """A provider, to whoever is not logged in."""

    name: str
    """Its name."""


class LogInChoices(Shape):
    """By which ways one may log in, beside a name with its password, and an access token."""

    providers: tuple[LogInChoice, ...]
    """By these providers."""


class ProviderLogIn(Shape):
    """A browser wants to log in by way of a provider."""

    model_config = ConfigDict(extra="forbid")

    provider: str = Field(max_length=63)
    """The provider's name."""


class ProviderAddress(Shape):
    """Where to go on."""

    address: str
    """The provider's address, for this one log-in."""


class ProviderReturn(Shape):
    """What a provider gave to a browser that comes back."""

    model_config = ConfigDict(extra="forbid")

    provider: str = Field(max_length=63)
    """The provider at whose address it came back."""
    state: str = Field(max_length=200)
    """As it came."""
    code: str | None = Field(None, max_length=4096)
    """As it came; null if the provider let nobody in."""
    iss: str | None = Field(None, max_length=providers.MOST_URL)
    """As it came, if it did."""
    error: str | None = Field(None, max_length=200)
    """Why the provider let nobody in, if it said so."""
