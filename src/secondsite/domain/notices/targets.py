"""Targets of notices: who is told, of what, and when not."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from ...ground.units import DAY, HOUR, MINUTE
from .. import errors
from ..bandwidth_schedule import seconds_of_day
from ..health import Severity
from . import weekly

LEAST_SECRET = 16
MOST_TEXT = 200
MOST_TO = 20
MOST_URL = 2000
MOST_REPEAT_SECONDS = 7 * DAY
MOST_PACE_SECONDS = DAY
REPEAT_SECONDS = HOUR
PACE_SECONDS = MINUTE
ADDRESS = re.compile(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
URL = re.compile(r"https?://[^\s/?#@\\]+(/[^\s#\\]*)?")


class Tls(StrEnum):
    """How the connection to a mail server is protected."""

    NONE = "none"
    """No protection: the mail can be read on the way. No password is sent."""
    STARTTLS = "starttls"
    """TLS is started first; a server that does not offer it gets no mail."""
    TLS = "tls"
    """TLS from the first byte."""


class Jobs(StrEnum):
    """The ends of jobs that a target is told of."""

    NONE = "none"
    FAILED = "failed"
    """Failed, or only partly succeeded."""
    ENDED = "ended"
    """All ends."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A signed POST request; the target's secret is the key."""

    url: str

    @property
    def where(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail; the target's secret is the user's password."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    tls: Tls = Tls.STARTTLS
    user: str | None = None

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port} {self.tls} {self.user or ''}".strip()


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a target is told of: findings from this severity on, None for none; whether their end is reported;
    jobs, of these verbs or of all; requests for approval; and the weekly report, on a day at a time of day
    (UTC), None for none."""

    findings: Severity | None = Severity.WARNING
    gone: bool = True
    jobs: Jobs = Jobs.FAILED
    verbs: tuple[str, ...] = ()
    approvals: bool = True
    weekly_report: str | None = None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Quiet hours of each day from `begins` to `ends` ("HH:MM"), past midnight if `ends` is earlier, in the
    time zone `zone`."""

    begins: str
    ends: str
    zone: str = "UTC"

    def cover(self, local: datetime) -> bool:
        """Whether this local time of the zone is within the quiet hours."""
        begins, ends = seconds_of_day(self.begins), seconds_of_day(self.ends)
        second = local.hour * HOUR + local.minute * MINUTE + local.second
        return begins <= second < ends if begins < ends else second >= begins or second < ends


@dataclass(frozen=True, slots=True)
class NoticeTarget:
    """A target of notices: either `webhook` or `mail`. `ca_pem`: the CA of its server's certificate, if it is
    not one that the host trusts. A finding that comes and goes is reported once in `repeat_seconds`; messages
    are at least `pace_seconds` apart."""

    webhook: Webhook | None = None
    mail: Mail | None = None
    wanted: Subscription = field(default_factory=Subscription)
    quiet: QuietHours | None = None
    repeat_seconds: float = REPEAT_SECONDS
    pace_seconds: float = PACE_SECONDS
    ca_pem: str | None = None
    enabled: bool = True

    @property
    def where(self) -> str:
        """The address that the secret is sent to: whoever changes it has to give the secret again."""
        way = self.webhook or self.mail
        assert way is not None
        return way.where


def check(target: NoticeTarget, secret: str | None) -> None:
    """Raises InvalidArgument for a target that is not possible."""
    if (target.webhook is None) is (target.mail is None):
        raise errors.InvalidArgument(
            "A target of notices is a webhook or a mail address.", do="Give one of the two."
        )
    if target.webhook is not None:
        _check_webhook(target.webhook, secret)
    if target.mail is not None:
        _check_mail(target.mail, secret)
    if target.quiet is not None:
        _check_quiet(target.quiet)
    if target.wanted.weekly_report is not None:
        weekly.check(target.wanted.weekly_report)


def _check_quiet(quiet: QuietHours) -> None:
    if seconds_of_day(quiet.begins) == seconds_of_day(quiet.ends):
        raise errors.InvalidArgument(
            "Quiet hours that begin when they end would be all day.",
            do="Give other hours, or tell it of critical findings only.",
        )


def _check_webhook(webhook: Webhook, secret: str | None) -> None:
    if not (URL.fullmatch(webhook.url) and _has_place(webhook.url)):
        raise errors.InvalidArgument(
            f"{webhook.url!r} is no address of a webhook.",
            do="Give https://HOST[:PORT]/PATH, without user, password or fragment.",
        )
    if secret is None or len(secret) < LEAST_SECRET:
        raise errors.InvalidArgument(
            f"A webhook is signed with a secret of at least {LEAST_SECRET} characters.",
            do="Make one with 'openssl rand -hex 32', give it to both sides; here with --secret-file.",
        )


def _has_place(url: str) -> bool:
    """Whether the URL has a host and a valid port."""
    try:
        found = urlsplit(url)
        return bool(found.hostname) and found.port != 0
    except ValueError:
        return False


def _check_mail(mail: Mail, secret: str | None) -> None:
    if not HOST.fullmatch(mail.host):
        raise errors.InvalidArgument(f"{mail.host!r} is no name of a mail server.")
    for address in (mail.sender, *mail.to):
        if not ADDRESS.fullmatch(address):
            raise errors.InvalidArgument(f"{address!r} is no mail address.", do="Give plain ones: USER@HOST.")
    if (mail.user is None) is not (secret is None):
        raise errors.InvalidArgument(
            "A user of a mail server needs a password, and a password its user.", do="Give both, or neither."
        )
    if mail.user is not None and mail.tls is Tls.NONE:
        raise errors.InvalidArgument(
            "No password is sent to a mail server without TLS.", do="Use starttls or tls."
        )
