"""The journal: files of processed cycles, kept so that any of them can be recovered and not only sealed points.

A file moves here from the inbox once its cycle is processed. All that is known of it is in its name, so that nothing
needs to be opened to know what there is:

    EPOCH-SEQ-AFTER-MICROSECONDS.cycle

AFTER is the processed cycle that it was applied on, and MICROSECONDS (since 1970, UTC) its instant. A cycle follows
another exactly when it names it: files that are lost or dropped leave a gap that everybody sees. One that cannot be
read gives way to a mark (see journal_damage).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import errors, journal_entry
from .journal_damage import Damage, DamagedCycle
from .journal_entry import Entry


@dataclass(frozen=True, slots=True)
class Start:
    """A recovery point that cycles can be applied to: it holds what cycle `seq` left. `taken_at` is by the source's
    clock, `sealed_at` by ours."""

    seq: int
    taken_at: datetime
    sealed_at: datetime | None = None


class Journal:
    """The kept cycles of one replica. Used by several threads; while somebody reads, nothing goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._known: list[Entry] | None = None
        self._damage = Damage(folder)
        self._readers = 0
        self._bytes = 0

    def entries(self) -> list[Entry]:
        """In the order in which they were processed."""
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
            # not fsynced: after a power cut it is here, or in the inbox and comes again
            path.replace(self.path(entry))
            if entry not in known[-1:]:
                self._known = [*known, entry]
                self._bytes += entry.file_bytes

    def trim(self, age_seconds: float, budget_bytes: int, starts: Sequence[Start]) -> int:
        """Drop what is not needed to recover any cycle of the last `age_seconds` from one of `starts`, oldest first,
        and what makes all together larger than `budget_bytes`. Gives how many.

        Age is counted from the newest cycle, not from the clock: when no new ones arrive, none go; and by the clock of
        source or target that says less, so that one that is set makes nothing old. Whatever leads from
        one point to the next goes together, for the rest of it could not be reached. When the cycles since the newest
        point alone are too large, the first of them stay: the later ones could not be reached without them.
        """
        with self._lock:
            known = self.entries()
            if not known or self._readers:
                return 0
            longest = timedelta(seconds=age_seconds)
            self._damage.forget(lambda damaged: known[-1].taken_at - damaged.taken_at >= longest)
            floor = max((start.seq for start in starts if self._age(start, known[-1]) >= longest), default=0)
            kept = _fitting(known, sorted(start.seq for start in starts if start.seq >= floor), budget_bytes)
            return self._drop([entry for entry in known if entry not in kept])

    def drop_through(self, seq: int) -> bool:
        """Drop the cycles up to this one, to make room; False when there are none that may go."""
        with self._lock:
            if self._readers:
                return False
            self._damage.forget(lambda damaged: damaged.seq <= seq)
            return self._drop([each for each in self.entries() if each.seq <= seq]) > 0

    def clear(self) -> None:
        """Drop all."""
        with self._lock:
            self._drop(self.entries())
            self._damage.forget(lambda _damaged: True)

    def give_up(self, entry: Entry) -> None:
        """A cycle cannot be read: it goes, and stays known as damaged. What comes after it can be reached from a later
        point only. One that was dropped meanwhile is fine."""
        with self._lock:
            if entry in self.entries():
                self._damage.note(entry)
                self._forget([entry])

    def damaged(self) -> tuple[DamagedCycle, ...]:
        """The cycles that were given up, as long as they would be kept."""
        with self._lock:
            return self._damage.all()

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

    def _age(self, start: Start, newest: Entry) -> timedelta:
        """How long before the newest cycle."""
        age = newest.taken_at - start.taken_at
        if start.sealed_at is not None:
            with contextlib.suppress(FileNotFoundError):
                written_at = datetime.fromtimestamp(self.path(newest).stat().st_mtime, UTC)
                age = min(age, written_at - start.sealed_at)
        return age

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
    """Those that can be reached from the oldest start from which all that follows fits, else the first that fit."""
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
