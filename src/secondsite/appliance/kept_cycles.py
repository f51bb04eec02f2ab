"""The journal of one replica beside its points: which instants can be recovered, and which cycles are still kept."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from ..datapath.journal import Start
from ..datapath.journal_entry import Entry
from ..datapath.replica import Replica
from ..domain import journal
from ..domain.journal import JournaledCycle, Recovery, Stretch
from ..wire.replication import FindingShape, JournalStretch, PointShape

TOLD_FOR_SECONDS = 5.0
"""How long what was told may be told again: with many machines, counting an hour of cycles adds up."""
TRIMMED_EVERY_SECONDS = 10.0
NAMED_CYCLES = 3

log = structlog.get_logger(__name__)


class KeptCycles:
    """Its owner holds the replica for all that changes the journal."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._told: tuple[JournalStretch, ...] = ()
        self._told_of: Sequence[PointShape] = ()
        self._told_at = 0.0
        self._told_damaged = 0
        self._trimmed_for: Sequence[PointShape] = ()
        self._trimmed_at = 0.0

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
        damaged = len(self._replica.journal.damaged())
        known = (self._told_of is points, self._told_damaged == damaged)
        if not all(known) or time.monotonic() - self._told_at > TOLD_FOR_SECONDS:
            self._told = tuple(
                JournalStretch(begins_at=each.begins_at, ends_at=each.ends_at, cycles=each.cycles)
                for each in self.stretches(points)
                if each.cycles
            )
            self._told_of, self._told_damaged, self._told_at = points, damaged, time.monotonic()
        return self._told

    def findings(self, machine_name: str) -> tuple[FindingShape, ...]:
        """One finding that names the cycles that could not be read, as long as the journal would keep them."""
        damaged = self._replica.journal.damaged()
        if not damaged:
            return ()
        named = "; ".join(_named(each.entry) for each in damaged[-NAMED_CYCLES:])
        older = len(damaged) - NAMED_CYCLES
        more = f"; and {older} before" if older > 0 else ""
        what = (
            f"Cycles in the journal of {machine_name} are not what was received: {named}{more}. "
            "No instant that needs them is offered."
        )
        return (
            FindingShape(code="journal-damaged", what=what, since=min(each.found_at for each in damaged)),
        )

    def retire(self, path: Path, epoch: int, seq: int, journal_seconds: int) -> None:
        """What becomes of the file of a processed cycle. One that cannot be kept goes: replication needs no journal."""
        try:
            if journal_seconds > 0:
                self._replica.retire(path, epoch, seq)
        except OSError as problem:
            log.warning("journal.not-kept", seq=seq, problem=str(problem))
        path.unlink(missing_ok=True)

    def trim(self, points: Sequence[PointShape], journal_seconds: int, budget_bytes: int) -> None:
        """Drop what is too old or too much; nothing while an overlay waits to be rolled forward anew."""
        if self._replica.rolling:
            return
        kept = self._replica.journal
        if journal_seconds == 0:
            kept.clear()
        elif self._trimmed_for is not points or self._is_due() or kept.stored_bytes() > budget_bytes:
            kept.trim(journal_seconds, budget_bytes, self._starts(points))
            self._trimmed_for, self._trimmed_at = points, time.monotonic()

    def give_way(self, points: Sequence[PointShape]) -> bool:
        """Drop the oldest cycles, up to a point; False when there are none to drop."""
        kept = self._replica.journal.entries()
        if not kept or self._replica.rolling:
            return False
        later = [start.seq for start in self._starts(points) if start.seq >= kept[0].seq]
        return self._replica.journal.drop_through(min(later, default=kept[-1].seq))

    def oldest_at(self) -> datetime | None:
        """The instant of the oldest kept cycle."""
        kept = self._replica.journal.entries()
        return kept[0].taken_at if kept else None

    def _is_due(self) -> bool:
        return time.monotonic() - self._trimmed_at > TRIMMED_EVERY_SECONDS

    def _starts(self, points: Sequence[PointShape]) -> list[Start]:
        epoch = self._replica.state.epoch
        return [
            Start(each.seq, each.taken_at, each.sealed_at)
            for each in points
            if each.epoch == epoch and not each.committed
        ]


def _named(entry: Entry) -> str:
    return f"cycle {entry.epoch}-{entry.seq} of {journal.spoken(entry.taken_at)} (file {entry.name})"
