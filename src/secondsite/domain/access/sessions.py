"""Sessions: how long whoever logged in stays so. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from ...ground.units import HOUR, MINUTE

LASTS_SECONDS, IDLE_SECONDS = 12 * HOUR, 30 * MINUTE
"""A session ends after a working day, and a browser's also after half an hour without a request."""
BY_LINK_SECONDS = HOUR
"""A session that a link began is for choosing a password."""
MOST_OF_ONE = 20
"""The most sessions of one token or person: with one more, the oldest ends."""


class SessionKind(StrEnum):
    """Where a session lives; its secret opens nothing from elsewhere."""

    BROWSER = "browser"
    """In a browser's cookie, which counts for the vault's own pages only."""
    COMMAND_LINE = "command_line"
    """In a file of the person's on some host."""


class LogInWay(StrEnum):
    """What was shown at the log-in."""

    TOKEN = "token"
    """An access token."""
    PASSWORD = "password"
    """A name and its password."""
    TWO_FACTORS = "two_factors"
    """A name, its password, and a code."""
    PROVIDER = "provider"
    """What a provider of OpenID Connect says."""
    LINK = "link"
    """A link that an administrator gave, to choose a password."""
    RECOVERY = "recovery"
    """A link that root made at the vault's host."""
    RECOVERED = "recovered"
    """The same, and a password was chosen since."""


WITHOUT_SECOND_FACTOR = frozenset({LogInWay.PASSWORD, LogInWay.LINK})
CHOOSES_PASSWORD = frozenset({LogInWay.LINK, LogInWay.RECOVERY})
"""Who came by these chooses a password without saying the former one."""
BY_ROOT = frozenset({LogInWay.RECOVERY, LogInWay.RECOVERED})
"""Who came by these needs no code of a second factor, for as long as the session lasts."""


def ends_at(began: datetime, holder_ends: datetime | None, way: LogInWay) -> datetime:
    """When a session that begins now ends at the latest: never after what it was begun with."""
    lasts = BY_LINK_SECONDS if way in CHOOSES_PASSWORD | BY_ROOT else LASTS_SECONDS
    last = began + timedelta(seconds=lasts)
    return last if holder_ends is None else min(last, holder_ends)


def idle_ends_at(kind: SessionKind, seen: datetime) -> datetime | None:
    """When a session ends that is not used any more; None: it may be idle."""
    return seen + timedelta(seconds=IDLE_SECONDS) if kind is SessionKind.BROWSER else None


def why_ended(kind: SessionKind, seen: datetime, ends: datetime, now: datetime) -> str:
    """Why the session has ended, as the end of a sentence; empty if it has not."""
    if ends <= now:
        return "its time was over"
    idle = idle_ends_at(kind, seen)
    if idle is not None and idle <= now:
        return f"nothing was done in it for {IDLE_SECONDS // MINUTE} minutes"
    return ""
