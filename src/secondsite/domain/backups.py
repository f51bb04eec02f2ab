"""When a vault's backup is due, which of those that are kept goes, and when somebody has to be told that
there is none. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .health import HealthFinding

PATIENCE = timedelta(minutes=15)
"""After one that failed."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """`every` so often a backup is made, and the newest `keep` are kept."""

    every: timedelta
    keep: int

    def is_due(self, now: datetime, newest: datetime | None, failed_at: datetime | None) -> bool:
        """A clock that was set back makes none late: one from the future counts as one that is too old."""
        if failed_at is not None and timedelta() <= now - failed_at < PATIENCE:
            return False
        return newest is None or not timedelta() <= now - newest < self.every


def too_many(names: Sequence[str], keep: int) -> Sequence[str]:
    """Those that go, of names that begin with their instant or are equal before it: the oldest."""
    return sorted(names)[: max(0, len(names) - keep)]


def finding(
    now: datetime, last: datetime | None, used_since: datetime | None, most: timedelta
) -> HealthFinding | None:
    """`used_since`: when the vault was first used; `most`: so long it may be without a good backup, zero:
    for ever."""
    since = last or used_since
    if not most or since is None or now - since <= most:
        return None
    days = f"{most / timedelta(days=1):g} days"
    if last is None:
        what = f"No backup of this vault was ever made, and it is in use since {since:%Y-%m-%d}."
        return HealthFinding("never-backed-up", what, since + most)
    what = f"The last good backup of this vault was made on {since:%Y-%m-%d %H:%M} UTC, more than {days} ago."
    return HealthFinding("backup-is-old", what, since + most)
