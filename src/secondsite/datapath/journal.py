"""The journal: files of processed cycles, kept so that any of them can be recovered and not only sealed points.

A file moves here from the inbox once its cycle is processed. All that is known of it is in its name, so that nothing
needs to be opened to know what there is:

    EPOCH-SEQ-AFTER-MICROSECONDS.cycle

AFTER is the processed cycle that it was applied on, and MICROSECONDS (since 1970, UTC) its instant. A cycle follows
another exactly when it names it: files that are lost or dropped leave a gap that everybody sees.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from . import errors

_NAME: Final = re.compile(r"(\d+)-(\d+)-(\d+)-(\d+)\.cycle")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """A processed cycle that is kept. `after` is the cycle that it was applied on, `microseconds` (since 1970, UTC)
    its instant. There are many thousands of them, so it holds nothing that can be computed."""

    epoch: int
    seq: int
    after: int
    microseconds: int
    file_bytes: int

    @property
    def taken_at(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.microseconds)

    @property
    def name(self) -> str:
        return f"{self.epoch}-{self.seq}-{self.after}-{self.microseconds}.cycle"


class Journal:
    """The kept cycles of one replica. Used by several threads; while somebody reads, nothing goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._known: list[Entry] | None = None
        self._readers = 0
        self.version = 0
        """Another one after each change."""

    def entries(self) -> list[Entry]:
        """In the order in which they were processed."""
        with self._lock:
            if self._known is None:
                self._known = _scan(self._folder)
            return list(self._known)

    def path(self, entry: Entry) -> Path:
        """Where the cycle's file is, or was."""
        return self._folder / entry.name

    def stored_bytes(self) -> int:
        return sum(entry.file_bytes for entry in self.entries())

    def keep(self, path: Path, epoch: int, seq: int, after: int, taken_at: datetime) -> None:
        """Move a processed cycle's file here. After a crash it is in one place or the other."""
        microseconds = (taken_at - _EPOCH) // timedelta(microseconds=1)
        entry = Entry(epoch, seq, after, microseconds, path.stat().st_size)
        with self._lock:
            others = [each for each in self.entries() if each.name != entry.name]
            self._folder.mkdir(exist_ok=True)
            # not fsynced: after a power cut it is here, or in the inbox and comes again
            path.replace(self.path(entry))
            self._change([*others, entry])

    def trim(self, age_seconds: float, budget_bytes: int, needed_after: int = 0) -> int:
        """Drop the oldest: those more than `age_seconds` older than the newest, those that make all together larger
        than `budget_bytes`, those up to cycle `needed_after`. Gives how many. Age is counted from the newest cycle,
        not from the clock: when no new ones arrive, none go."""
        with self._lock:
            known = self.entries()
            if not known or self._readers:
                return 0
            before = known[-1].microseconds - age_seconds * 1e6
            left_bytes, doomed = sum(entry.file_bytes for entry in known), 0
            for number, entry in enumerate(known):
                if entry.microseconds < before or left_bytes > budget_bytes or entry.seq <= needed_after:
                    doomed = number + 1
                left_bytes -= entry.file_bytes
            return self._drop(known[:doomed])

    def drop_oldest(self) -> bool:
        """Make some room; False when there is nothing that may go."""
        with self._lock:
            return not self._readers and self._drop(self.entries()[:1]) > 0

    def drop(self, entry: Entry) -> None:
        """Drop a cycle that cannot be read; what comes after it can be reached from a later point only."""
        with self._lock:
            self._drop([entry])

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._drop(self.entries())

    def way(self, epoch: int, start_seq: int, end_seq: int) -> list[Entry]:
        """The cycles that lead from the state after `start_seq` to that after `end_seq`; raises CycleOutOfOrder when
        the run is broken."""
        found, at = [], start_seq
        for entry in self.entries():
            if entry.epoch == epoch and start_seq < entry.seq <= end_seq and entry.after == at:
                found.append(entry)
                at = entry.seq
        if at != end_seq:
            raise errors.CycleOutOfOrder(
                f"The journal does not lead from cycle {start_seq} to cycle {end_seq}: it ends at {at}.",
                do="Recover another instant, or a recovery point.",
            )
        return found

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing goes meanwhile."""
        with self._lock:
            self._readers += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1

    def _drop(self, doomed: list[Entry]) -> int:
        for entry in doomed:
            self.path(entry).unlink(missing_ok=True)
        if doomed:
            gone = set(doomed)
            self._change([entry for entry in self.entries() if entry not in gone])
        return len(doomed)

    def _change(self, known: list[Entry]) -> None:
        self._known = known
        self.version += 1


def _scan(folder: Path) -> list[Entry]:
    if not folder.is_dir():
        return []
    named = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    found = [_entry(match, path) for match, path in named if match]
    return sorted(found, key=lambda entry: (entry.epoch, entry.seq))


def _entry(match: re.Match[str], path: Path) -> Entry:
    epoch, seq, after, microseconds = map(int, match.groups())
    return Entry(epoch, seq, after, microseconds, path.stat().st_size)
