"""Targets of notices: whom to tell of what, and when not."""

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
    """https://HOST[:PORT]/PATH; http is not refused, but everybody on the network path can read it. Redirects
    are not followed."""


class MailShape(Shape):
    """A mail. The target's secret is the password of the user."""

    host: str = Field(min_length=1, max_length=253)
    """The mail server."""
    port: int = Field(587, ge=1, le=65535)
    """Its port."""
    tls: Tls = Tls.STARTTLS
    """How the connection to it is encrypted."""
    user: str | None = Field(None, min_length=1, max_length=targets.MOST_TEXT)
    """The user name, if it wants a login."""
    sender: str = Field(max_length=254)
    """The address that mails come from."""
    to: tuple[str, ...] = Field(min_length=1, max_length=targets.MOST_TO)
    """The addresses that they go to."""


class NoticeFilter(Shape):
    """What is sent to a target."""

    findings: Severity | None = Severity.WARNING
    """The least severity of findings of machines; null: none."""
    gone: bool = True
    """Whether it is also told that a finding is over."""
    jobs: Jobs = Jobs.FAILED
    """Which results of jobs it is told."""
    verbs: tuple[str, ...] = Field((), max_length=MOST_VERBS)
    """Only jobs of these verbs; empty: jobs of all verbs."""
    approvals: bool = True
    """Whether it is told of requests that wait for a second person."""
    weekly_report: str | None = Field(None, max_length=20)
    """When it is told the weekly report: a day and a time in UTC, as monday 07:00; null: never."""


class QuietHoursShape(Shape):
    """Each day from `begins` to `ends` only critical findings are sent; the rest follows together when these
    hours are over."""

    begins: str = Field(max_length=5)
    """HH:MM."""
    ends: str = Field(max_length=5)
    """HH:MM; earlier than `begins`: on the next day."""
    zone: str = Field("UTC", max_length=100)
    """The time zone, such as Europe/Berlin."""


class NoticeTargetSettings(Shape):
    """Settings of a target: either `webhook` or `mail`."""

    webhook: WebhookShape | None = None
    """For a program: a webhook."""
    mail: MailShape | None = None
    """For people: mail."""
    wanted: NoticeFilter = NoticeFilter()
    """What is sent to it."""
    quiet: QuietHoursShape | None = None
    """When only critical findings are sent."""
    repeat_seconds: float = Field(targets.REPEAT_SECONDS, ge=0, le=targets.MOST_REPEAT_SECONDS)
    """A finding of a machine is sent at most once in this many seconds, however often it comes and goes."""
    pace_seconds: float = Field(targets.PACE_SECONDS, ge=0, le=targets.MOST_PACE_SECONDS)
    """The fewest seconds between two messages; what happens meanwhile is sent in one."""
    ca_pem: str | None = Field(None, max_length=MOST_CERTIFICATES)
    """CA certificates (PEM) for its server; null: those that the vault's host trusts."""
    enabled: bool = True
    """False: nothing is sent to it."""


class NoticeTargetChange(NoticeTargetSettings):
    """The new settings of a target: all of them, except the secret."""

    secret: str | None = Field(None, min_length=1, max_length=MOST_SECRET)
    """The webhook's key, or the password. It is shown to nobody. Left out: it stays, if the target stays
    at the same server."""


class NoticeTargetCreate(NoticeTargetChange):
    """A new target."""

    name: str = Field(pattern=SITE_NAME)
    """Lower case letters, digits and dashes, at most 63."""


class NoticeDelivery(Shape):
    """Whether messages reach a target."""

    sent_at: AwareDatetime | None = None
    """When it last accepted a message (UTC)."""
    said: str = ""
    """What it last answered, or why nothing was sent."""
    failures: int = 0
    """How many deliveries in a row have failed."""
    failing_since: AwareDatetime | None = None
    """Since when deliveries have failed (UTC)."""
    next_at: AwareDatetime | None = None
    """No message is sent before then (UTC)."""
    waiting: int = 0
    """How many notices wait."""
    given_up: int = 0
    """How many notices could not be delivered within a day, and are given up; its next message says how
    many."""


class NoticeTarget(Editable, NoticeTargetSettings):
    """A target of notices."""

    name: str
    """Its name in all calls."""
    has_secret: bool
    """Whether it has a secret."""
    created_at: AwareDatetime
    """When it was made (UTC)."""
    changed_at: AwareDatetime
    """When somebody changed it last (UTC)."""
    delivery: NoticeDelivery = NoticeDelivery()
    """Whether messages reach it."""

    def edited(self) -> Mapping[str, object]:
        return self.model_dump(mode="json", exclude={"delivery"})


class NoticeTargetPage(Page[NoticeTarget]):
    """Targets, by name."""


class NoticeTest(Shape):
    """The result of a test message."""

    delivered: bool
    """Whether the other side accepted it."""
    said: str
    """What it answered, or why nothing was sent."""
    seconds: float
    """How long that took."""
