"""The journal of one replica beside its points: which instants can be recovered, and which cycles are still kept."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ..datapath.replica import Replica
from ..domain import journal
from ..domain.journal import JournaledCycle, Recovery, Stretch
from ..wire.replication import JournalStretch, PointShape

TOLD_FOR_SECONDS = 5.0
"""How long what was told may be told again: with many machines, counting an hour of cycles adds up."""


class KeptCycles:
    """Its owner holds the replica for all that changes the journal."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._told: tuple[JournalStretch, ...] = ()
        self._told_of: Sequence[PointShape] = ()
        self._told_at = 0.0

    def stretches(self, points: Sequence[PointShape]) -> tuple[Stretch, ...]:
        """All instants that can be recovered now."""
        epoch = self._replica.state.epoch
        cycles = [
            JournaledCycle(entry.seq, entry.after, entry.taken_at)
            for entry in self._replica.journal.entries()
            if entry.epoch == epoch
        ]
        return journal.stretches((point.to_domain() for point in points if point.epoch == epoch), cycles)

    def find(self, points: Sequence[PointShape], at: datetime) -> Recovery:
        """How the newest processed cycle at or before `at` is recovered; raises NotFound, saying what is possible."""
        return journal.find(self.stretches(points), at)

    def told(self, points: Sequence[PointShape]) -> tuple[JournalStretch, ...]:
        """As the vault is told, some seconds old at most."""
        if self._told_of is not points or time.monotonic() - self._told_at > TOLD_FOR_SECONDS:
            self._told = tuple(
                JournalStretch(begins_at=each.begins_at, ends_at=each.ends_at, cycles=each.cycles)
                for each in self.stretches(points)
                if each.cycles
            )
            self._told_of, self._told_at = points, time.monotonic()
        return self._told

    def retire(self, path: Path, epoch: int, seq: int, journal_seconds: int) -> None:
        """What becomes of the file of a processed cycle."""
        if journal_seconds > 0:
            self._replica.retire(path, epoch, seq)
        else:
            path.unlink(missing_ok=True)

    def trim(self, points: Sequence[PointShape], journal_seconds: int, budget_bytes: int) -> None:
        """Drop what is too old, too much, or older than every point; nothing while an overlay waits to be rolled
        forward anew."""
        if self._replica.rolling:
            return
        if journal_seconds == 0:
            self._replica.journal.clear()
            return
        epoch = self._replica.state.epoch
        oldest = min((each.seq for each in points if each.epoch == epoch and not each.committed), default=0)
        self._replica.journal.trim(journal_seconds, budget_bytes, oldest)
