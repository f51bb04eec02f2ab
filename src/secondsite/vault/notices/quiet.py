"""Quiet hours, in the time zone of a place."""

import zoneinfo
from datetime import UTC, datetime, tzinfo

from ...domain import errors
from ...domain.notices.targets import QuietHours


def zone_of(name: str) -> tzinfo:
    """The time zone. Raises InvalidArgument."""
    try:
        return UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise errors.InvalidArgument(
            f"{name!r} is no time zone that this host knows.", do="Give one like Europe/Berlin, or UTC."
        ) from error


def is_quiet(hours: QuietHours | None, now: datetime) -> bool:
    """Whether it is quiet at `now`. A zone that this host does not know makes no quiet hours: better one
    message too many."""
    try:
        return hours is not None and hours.cover(now.astimezone(zone_of(hours.zone)))
    except errors.InvalidArgument:
        return False
