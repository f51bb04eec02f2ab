"""People who log in with a name."""

from collections.abc import Mapping

from pydantic import AwareDatetime, ConfigDict, Field

from ....domain.access.roles import Role
from ....domain.access.sessions import LogInWay
from ...common.base import Editable, Shape


class PersonChange(Shape):
    """What a person may do. An unknown field is refused: it may have been meant to limit the person."""

    model_config = ConfigDict(extra="forbid")

    roles: tuple[Role, ...] = Field(min_length=1)
    """The person's roles."""
    site: str | None = None
    """The site that the person is limited to; null: the whole vault."""


class PersonCreate(PersonChange):
    """A new person, who chooses a password by the link in the answer."""

    name: str
    """The name to log in with: 1 to 100 letters (a to z), digits, blanks and . _ - + @; a letter or digit at
    both ends."""


class Person(Editable):
    """A person who logs in with a name."""

    id: str
    """An id for ever; the name may be used again after the person was deleted."""
    name: str
    """The name to log in with; jobs show it as `requested_by`."""
    roles: tuple[Role, ...]
    """The person's roles."""
    site: str | None = None
    """The site that the person is limited to; null: the whole vault."""
    created_at: AwareDatetime
    """When the person was made (UTC)."""
    disabled_at: AwareDatetime | None = None
    """Since when the person cannot log in (UTC); null: may."""
    has_password: bool
    """Whether a password was chosen."""
    has_second_factor: bool
    """Whether a code is asked for as well."""
    link_way: LogInWay | None = None
    """Who made the link that still lets in once; null: there is none."""
    link_until: AwareDatetime | None = None
    """Until when it does (UTC)."""
    last_login_at: AwareDatetime | None = None
    """When the person logged in last (UTC)."""
    last_address: str = ""
    """From where."""
    provider: str | None = None
    """The provider that says who the person is, and whose groups give the roles; null: a password does."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", include={"id", "roles", "site", "disabled_at"})


class NewLink(Shape):
    """A link that lets a person in, once, to choose a password: only this answer contains it."""

    name: str
    """The person."""
    link: str
    """The link's code: give it as `link` to the log-in."""
    until: AwareDatetime
    """Until when it counts (UTC)."""


class PasswordChange(Shape):
    """A person's own new password."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(max_length=1000)
    """The new one: 12 to 200 characters, and none that is common."""
    former_password: str | None = Field(None, max_length=1000)
    """The present one; not needed by whoever came by a link."""


class SecondFactorBegun(Shape):
    """What an app has to know to show codes: only this answer contains it."""

    secret: str
    """To be typed where no picture can be taken."""
    uri: str
    """What is in the picture (otpauth)."""
    svg: str
    """The picture, a QR code."""


class PresentPassword(Shape):
    """The caller's own password, as it is now."""

    model_config = ConfigDict(extra="forbid")

    password: str | None = Field(None, max_length=1000)
    """Not needed by whoever came by a link."""


class OneTimeCode(Shape):
    """A code that the app shows now, or one for recovery."""

    model_config = ConfigDict(extra="forbid")

    one_time_code: str | None = Field(None, max_length=100)
    """The code; not needed to remove a second factor by whoever came by root's link."""
    key_answer: str | None = Field(None, max_length=20_000)
    """Or what a security key answered, as the browser says it in JSON."""


class KeyQuestion(Shape):
    """What a browser asks a security key: each question can be answered once, within five minutes."""

    options: str
    """For `PublicKeyCredential.parseCreationOptionsFromJSON`, or `parseRequestOptionsFromJSON`: JSON, with
    `publicKey`."""


class SecurityKeyCreate(Shape):
    """A new security key."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    """What its owner calls it."""
    answer: str = Field(max_length=20_000)
    """What it answered, as the browser says it in JSON."""


class SecurityKey(Shape):
    """A security key of the caller's."""

    id: str
    """Its id here."""
    name: str
    """What its owner calls it."""
    host: str
    """The vault's name at which it counts."""
    created_at: AwareDatetime
    """When it was added (UTC)."""
    last_used_at: AwareDatetime | None = None
    """When it was used last (UTC)."""


class RecoveryCodes(Shape):
    """Codes for whoever lost the app, each counting once: only this answer contains them."""

    codes: tuple[str, ...]
    """To be kept on paper."""


class LogInSettings(Shape):
    """What a log-in needs."""

    second_factor: bool = False
    """Whether roles above reader need a second factor of people who log in with a password. Who has none
    may only read until it is set up."""
