"""One cycle of the journal, and the name of its file, which says all that is known of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

KEPT: Final = "cycle"
DAMAGED: Final = "damaged"
_NAME: Final = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)\.([a-z]+)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A processed cycle that is kept. It was applied on cycle `after`; its instant is `microseconds` since
    1970, UTC. There are many thousands, so it stores nothing that can be computed."""

    epoch: int
    seq: int
    after: int
    microseconds: int
    file_bytes: int

    @property
    def place(self) -> tuple[int, int]:
        """Its place in the order of processing: epoch and number."""
        return self.epoch, self.seq

    @property
    def taken_at(self) -> datetime:
        return _EPOCH + self.microseconds * _MICROSECOND

    @property
    def name(self) -> str:
        return self._named(KEPT)

    @property
    def damaged_name(self) -> str:
        """The name of the empty file that takes its place when it cannot be read."""
        return self._named(DAMAGED)

    def _named(self, suffix: str) -> str:
        return f"{self.epoch}-{self.seq}-{self.after}-{self.microseconds}.{suffix}"


def microseconds(taken_at: datetime) -> int:
    """An instant as an entry keeps it."""
    return (taken_at - _EPOCH) // _MICROSECOND


def scan(folder: Path, suffix: str = KEPT) -> list[Entry]:
    """The entries that the folder's file names with this suffix describe, in processing order."""
    if not folder.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    found = [_entry(match, path) for match, path in named if match and match[5] == suffix]
    return sorted(found, key=lambda entry: entry.place)


def _entry(match: re.Match[str], path: Path) -> Entry:
    epoch, seq, after, instant = map(int, match.groups()[:4])
    return Entry(epoch, seq, after, instant, path.stat().st_size)
