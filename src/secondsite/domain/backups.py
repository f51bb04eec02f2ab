"""When a vault's backup is due, which of the kept ones are deleted, and when a missing backup is reported.
Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .health import HealthFinding

PATIENCE = timedelta(minutes=15)
"""The wait after a backup that failed."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The schedule of backups: one each time `every` has passed; the newest `keep` are kept."""

    every: timedelta
    keep: int

    def is_due(self, now: datetime, newest: datetime | None, failed_at: datetime | None) -> bool:
        """Whether a backup is due. One with a time in the future counts as too old: a clock that was set back
        delays none."""
        if failed_at is not None and timedelta() <= now - failed_at < PATIENCE:
            return False
        return newest is None or not timedelta() <= now - newest < self.every


def too_many(names: Sequence[str], keep: int) -> Sequence[str]:
    """The names of the backups to delete, oldest first. Names begin with their time and sort by it."""
    return sorted(names)[: max(0, len(names) - keep)]


def finding(
    now: datetime, last: datetime | None, used_since: datetime | None, most: timedelta
) -> HealthFinding | None:
    """The finding that no good backup exists, or that the last is too old; None if all is well. `used_since`:
    when the vault was first used; `most`: the longest time without a good backup, zero for no limit."""
    since = last or used_since
    if not most or since is None or now - since <= most:
        return None
    days = f"{most / timedelta(days=1):g} days"
    if last is None:
        what = f"No backup of this vault was ever made, and it has been in use since {since:%Y-%m-%d}."
        return HealthFinding("never-backed-up", what, since + most)
    what = f"The last good backup of this vault was made on {since:%Y-%m-%d %H:%M} UTC, more than {days} ago."
    return HealthFinding("backup-is-old", what, since + most)
