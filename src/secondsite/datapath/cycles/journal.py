"""The cycle journal: files of processed cycles, kept so that the instant of each can be recovered, not only
sealed points.

A file moves here from the inbox once its cycle is processed. Its name says all that there is to know, so
nothing needs to be opened:

    EPOCH-SEQ-AFTER-MICROSECONDS.cycle

AFTER is the processed cycle that it was applied on, and MICROSECONDS (since 1970, UTC) its instant. A
cycle follows the one that it names as AFTER, and no other, so lost or dropped files leave a visible gap. A
file that cannot be read is replaced by a mark (see damage)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .. import errors
from . import entry as journal_entry
from .damage import Damage, DamagedCycle
from .entry import Entry


@dataclass(frozen=True, slots=True)
class Start:
    """A recovery point that cycles can be applied to: the state after cycle `seq`. `age_seconds` is how
    much older it is than the newest cycle."""

    seq: int
    age_seconds: float


class CycleJournal:
    """The kept cycles of one replica. Thread-safe; nothing is dropped while somebody reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._known: list[Entry] | None = None
        self._damage = Damage(folder)
        self._readers = 0
        self._bytes = 0

    def entries(self) -> list[Entry]:
        """The kept cycles, in the order in which they were processed."""
        with self._lock:
            if self._known is None:
                self._known = journal_entry.scan(self._folder)
                self._bytes = sum(entry.file_bytes for entry in self._known)
            return list(self._known)

    def path(self, entry: Entry) -> Path:
        """Where the cycle's file is, or was."""
        return self._folder / entry.name

    def stored_bytes(self) -> int:
        with self._lock:
            self.entries()
            return self._bytes

    def keep(self, path: Path, epoch: int, seq: int, after: int, taken_at: datetime) -> None:
        """Move a processed cycle's file here. After a crash it is in one place or the other."""
        entry = Entry(epoch, seq, after, journal_entry.microseconds(taken_at), path.stat().st_size)
        with self._lock:
            known = self.entries()
            self._folder.mkdir(exist_ok=True)
            # Not fsynced: after a power cut the file is here, or is in the inbox and is processed again.
            path.replace(self.path(entry))
            if entry not in known[-1:]:
                self._known = [*known, entry]
                self._bytes += entry.file_bytes

    def trim(self, age_seconds: float, budget_bytes: int, starts: Sequence[Start]) -> int:
        """Drop cycles, oldest first, that are not needed to recover an instant of the last `age_seconds` from
        one of `starts`, or that exceed `budget_bytes` together. Returns how many were dropped.

        Cycles between two points are dropped together, because the later ones cannot be reached without
        the earlier. If the cycles since the newest point alone exceed the budget, the first of them stay,
        for the same reason."""
        with self._lock:
            known = self.entries()
            if not known or self._readers:
                return 0
            floor = max((start.seq for start in starts if start.age_seconds >= age_seconds), default=0)
            self._damage.forget(lambda damaged: damaged.seq <= floor)
            kept = _fitting(known, sorted(start.seq for start in starts if start.seq >= floor), budget_bytes)
            return self._drop([entry for entry in known if entry not in kept])

    def drop_through(self, seq: int) -> bool:
        """Drop the cycles up to this one, to free space; False if none may be dropped."""
        with self._lock:
            if self._readers:
                return False
            self._damage.forget(lambda damaged: damaged.seq <= seq)
            return self._drop([each for each in self.entries() if each.seq <= seq]) > 0

    def clear(self) -> None:
        """Drop all cycles."""
        with self._lock:
            self._drop(self.entries())
            self._damage.forget(lambda _damaged: True)

    def give_up(self, entry: Entry) -> None:
        """Drop a cycle that cannot be read, and remember it as damaged. Later instants are then reachable
        only from a later point. Harmless if it was dropped meanwhile."""
        with self._lock:
            if entry in self.entries():
                self._damage.note(entry)
                self._forget([entry])

    def damaged(self) -> tuple[DamagedCycle, ...]:
        """The cycles that were given up, as long as they would be kept."""
        with self._lock:
            return self._damage.all()

    def way(self, epoch: int, start_seq: int, end_seq: int) -> list[Entry]:
        """The cycles that lead from the state after `start_seq` to the state after `end_seq`; raises
        CycleOutOfOrder if one is missing."""
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
        """Inside the context no cycle is dropped."""
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
            self._forget(doomed)
        return len(doomed)

    def _forget(self, gone: Collection[Entry]) -> None:
        gone = set(gone)
        self._known = [entry for entry in self.entries() if entry not in gone]
        self._bytes = sum(entry.file_bytes for entry in self._known)


def _fitting(known: Sequence[Entry], starts: Sequence[int], budget_bytes: int) -> set[Entry]:
    """The cycles after the oldest start whose followers all fit the budget; else the first ones that fit."""
    for floor in starts:
        reached = _reached(known, {start for start in starts if start >= floor})
        if sum(entry.file_bytes for entry in reached) <= budget_bytes:
            return set(reached)
    fitting, left_bytes = set[Entry](), budget_bytes
    for entry in _reached(known, set(starts[-1:])):
        left_bytes -= entry.file_bytes
        if left_bytes < 0:
            break
        fitting.add(entry)
    return fitting


def _reached(known: Sequence[Entry], starts: Collection[int]) -> list[Entry]:
    """The cycles that follow a start without a gap."""
    reached: list[Entry] = []
    at: int | None = None
    for entry in known:
        if entry.after in starts or entry.after == at:
            reached.append(entry)
            at = entry.seq
    return reached
