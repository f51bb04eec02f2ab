"""Whom to tell, of what, and when not."""

from collections.abc import Mapping

from pydantic import AwareDatetime, Field

from ...domain.health import Severity
from ...domain.notices import targets
from ...domain.notices.targets import Jobs, Tls
from ..common.base import SITE_NAME, Editable, Shape
from .errors import Page

MOST_VERBS = 50
MOST_CERTIFICATES = 20_000
MOST_SECRET = 1000


class WebhookShape(Shape):
    """A POST with JSON, signed with the target's secret."""

    url: str = Field(min_length=1, max_length=targets.MOST_URL)
    """https://HOST[:PORT]/PATH; http is not refused, but everybody on the way reads it. Redirects are not
    followed."""


class MailShape(Shape):
    """A mail. The target's secret is the password of the user."""

    host: str = Field(min_length=1, max_length=253)
    """The mail server."""
    port: int = Field(587, ge=1, le=65535)
    """Its port."""
    tls: Tls = Tls.STARTTLS
    """How the way to it is protected."""
    user: str | None = Field(None, min_length=1, max_length=targets.MOST_TEXT)
    """As whom to log in, if it asks for that."""
    sender: str = Field(max_length=254)
    """The address that mails come from."""
    to: tuple[str, ...] = Field(min_length=1, max_length=targets.MOST_TO)
    """The addresses that they go to."""


class NoticeFilter(Shape):
    """What it is told."""

    findings: Severity | None = Severity.WARNING
    """The least severity of findings of machines; null: none."""
    gone: bool = True
    """Also when they are over."""
    jobs: Jobs = Jobs.FAILED
    """Which ends of jobs."""
    verbs: tuple[str, ...] = Field((), max_length=MOST_VERBS)
    """Of jobs of these verbs only; empty: of all."""
    approvals: bool = True
    """Requests that wait for a second person."""


class QuietHoursShape(Shape):
    """Each day from `begins` to `ends` only what is critical goes; the rest follows together when they are
    over."""

    begins: str = Field(max_length=5)
    """HH:MM."""
    ends: str = Field(max_length=5)
    """HH:MM; earlier than `begins`: on the next day."""
    zone: str = Field("UTC", max_length=100)
    """The time zone, such as Europe/Berlin."""


class NoticeTargetSettings(Shape):
    """One of `webhook` and `mail`."""

    webhook: WebhookShape | None = None
    """A program."""
    mail: MailShape | None = None
    """People."""
    wanted: NoticeFilter = NoticeFilter()
    """What it is told."""
    quiet: QuietHoursShape | None = None
    """When it is told what is critical only."""
    repeat_seconds: float = Field(targets.REPEAT_SECONDS, ge=0, le=targets.MOST_REPEAT_SECONDS)
    """That a machine has a finding is told once in so long, however often it comes and goes."""
    pace_seconds: float = Field(targets.PACE_SECONDS, ge=0, le=targets.MOST_PACE_SECONDS)
    """Messages are at least so far apart; what happens meanwhile comes in one."""
    ca_pem: str | None = Field(None, max_length=MOST_CERTIFICATES)
    """Certificates (PEM) that its server's is issued by; null: those that the vault's host trusts."""
    enabled: bool = True
    """False: it is told nothing."""


class NoticeTargetChange(NoticeTargetSettings):
    """What a target is to be: all of it but the secret."""

    secret: str | None = Field(None, min_length=1, max_length=MOST_SECRET)
    """The webhook's key, or the password. It is shown to nobody. Left out: it stays, if the target stays
    at the same server."""


class NoticeTargetCreate(NoticeTargetChange):
    """A new target."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class NoticeDelivery(Shape):
    """How it goes with a target."""

    sent_at: AwareDatetime | None = None
    """When it took a message last (UTC)."""
    said: str = ""
    """What it answered last, or why nothing went there."""
    failures: int = 0
    """How often in a row the delivery has failed."""
    failing_since: AwareDatetime | None = None
    """Since when (UTC)."""
    next_at: AwareDatetime | None = None
    """No message goes before then (UTC)."""
    waiting: int = 0
    """Notices that wait."""
    given_up: int = 0
    """Notices of which it was not told within a day, and will not be; its next message says how many."""


class NoticeTarget(Editable, NoticeTargetSettings):
    """Whom notices go to."""

    name: str
    """Its name in all calls."""
    has_secret: bool
    """Whether there is one."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    changed_at: AwareDatetime
    """When somebody changed it last (UTC)."""
    delivery: NoticeDelivery = NoticeDelivery()
    """How it goes with it."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", exclude={"delivery"})


class NoticeTargetPage(Page[NoticeTarget]):
    """Targets, by name."""


class NoticeTest(Shape):
    """What became of a message that was sent at once."""

    delivered: bool
    """Whether the other side took it."""
    said: str
    """What it answered, or why nothing went there."""
    seconds: float
    """How long that took."""
