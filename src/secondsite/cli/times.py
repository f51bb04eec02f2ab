"""Parses times that a person types: 2026-11-20T08:15:30Z, or 08:15:30 for today, in UTC."""

from datetime import UTC, datetime, time

from ..domain import errors


def instant(text: str, now: datetime) -> datetime:
    """The instant that `text` means at `now`; without a zone it is UTC. Raises InvalidArgument."""
    wanted = text.strip().replace("Z", "+00:00").replace("z", "+00:00")
    try:
        found = _today(wanted, now) or _dated(wanted)
    except ValueError:
        raise errors.InvalidArgument(
            f"'{text}' is not a time of day.", do="Give 2026-11-20T08:15:30Z, or 08:15:30 for today (UTC)."
        ) from None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found > now:
        raise errors.InvalidArgument(
            f"{found:%Y-%m-%d %H:%M:%SZ} lies in the future.", do="Give the date too, if it was yesterday."
        )
    return found.astimezone(UTC)


def _dated(text: str) -> datetime:
    """An instant with date and time of day. A date alone is refused: it would mean midnight here, and the
    whole day to whoever typed it."""
    if len(text) <= len("2026-11-20"):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _today(text: str, now: datetime) -> datetime | None:
    """HH:MM, HH:MM:SS or with fractions; None for anything else."""
    if len(text) < 3 or text[2] != ":":
        return None
    found = time.fromisoformat(text)
    zone = found.tzinfo or UTC
    return datetime.combine(now.astimezone(zone).date(), found, tzinfo=zone)
