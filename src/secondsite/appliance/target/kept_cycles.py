"""The journal of one replica with its points: which instants can be recovered, and which cycles are kept."""

import itertools
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from ...datapath.cycles import Entry, Start
from ...datapath.replica import Replica, ReplicaState
from ...datapath.transfer import UnchangedState
from ...domain import journal, retention
from ...domain.journal import JournaledCycle, Recovery, Stretch
from ...ground import host
from ...ground.uptime import Uptime
from ...wire.common.findings import FindingShape
from ...wire.common.points import JournalStretch, PointShape

TOLD_FOR_SECONDS = 5.0
"""How long the summary for the vault is reused: counting an hour of cycles for many machines takes long."""
TRIMMED_EVERY_SECONDS = 10.0
NAMED_CYCLES = 3

log = structlog.get_logger(__name__)


class KeptCycles:
    """The journal of one replica. For all methods that change it, the caller has locked the replica."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._told: tuple[JournalStretch, ...] = ()
        self._told_of: Sequence[PointShape] = ()
        self._told_at = 0.0
        self._told_damaged = 0
        self._trimmed_for: Sequence[PointShape] = ()
        self._trimmed_at = 0.0
        self._kept: Uptime | None = None
        """When the newest cycle was kept; None before the first since our start."""

    def stretches(
        self, points: Sequence[PointShape], unchanged: UnchangedState | None = None
    ) -> tuple[Stretch, ...]:
        """The stretches of instants that can be recovered now; the last one grows while the source writes
        nothing."""
        epoch = self._replica.state.epoch
        cycles = [
            JournaledCycle(entry.seq, entry.after, entry.taken_at)
            for entry in self._replica.journal.entries()
            if entry.epoch == epoch
        ]
        found = journal.stretches((point.to_domain() for point in points if point.epoch == epoch), cycles)
        if unchanged is None or unchanged.epoch != epoch:
            return found
        return journal.going_on(found, unchanged.seq, datetime.fromisoformat(unchanged.taken_at))

    def find(
        self, points: Sequence[PointShape], at: datetime, unchanged: UnchangedState | None = None
    ) -> Recovery:
        """How to recover the newest processed cycle at or before `at`; raises NotFound, which says which
        instants there are."""
        return journal.find(self.stretches(points, unchanged), at)

    def told(
        self, points: Sequence[PointShape], unchanged: UnchangedState | None = None
    ) -> tuple[JournalStretch, ...]:
        """The stretches for the vault, at most some seconds old."""
        damaged = len(self._replica.journal.damaged())
        known = (self._told_of is points, self._told_damaged == damaged)
        if not all(known) or time.monotonic() - self._told_at > TOLD_FOR_SECONDS:
            self._told = tuple(
                JournalStretch(begins_at=each.begins_at, ends_at=each.ends_at, cycles=each.cycles)
                for each in self.stretches(self._reaching(points, unchanged), unchanged)
                if each.is_long
            )
            self._told_of, self._told_damaged, self._told_at = points, damaged, time.monotonic()
        return self._told

    def findings(self, machine_name: str) -> tuple[FindingShape, ...]:
        """A finding that names cycles that could not be read, for as long as the journal would keep them;
        none without such."""
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
        """Move the file of a processed cycle to the journal. One that cannot be kept is removed:
        replication needs no journal."""
        try:
            if journal_seconds > 0:
                self._replica.retire(path, epoch, seq)
                self._kept = host.uptime()
        except OSError as problem:
            log.warning("cycle.not-kept", seq=seq, problem=str(problem))
        path.unlink(missing_ok=True)

    def trim(self, points: Sequence[PointShape], journal_seconds: int, budget_bytes: int) -> None:
        """Drop cycles that are too old or too many; none while an overlay is being rolled forward.

        Age is counted from the newest cycle, so none are dropped while none arrive. It is measured by the
        uptime of this host, as for points."""
        if self._replica.rolling():
            return
        kept = self._replica.journal
        if journal_seconds == 0:
            kept.clear()
        elif self._trimmed_for is not points or self._is_due() or kept.stored_bytes() > budget_bytes:
            kept.trim(journal_seconds, budget_bytes, self._starts(points))
            self._trimmed_for, self._trimmed_at = points, time.monotonic()

    def shorten(self, points: Sequence[PointShape]) -> bool:
        """Drop the oldest cycles, up to the next point; False if there are none to drop."""
        kept = self._replica.journal.entries()
        if not kept or self._replica.rolling():
            return False
        later = [start.seq for start in self._starts(points) if start.seq >= kept[0].seq]
        return self._replica.journal.drop_through(min(later, default=kept[-1].seq))

    def oldest_at(self) -> datetime | None:
        """The instant of the oldest kept cycle."""
        kept = self._replica.journal.entries()
        return kept[0].taken_at if kept else None

    def _reaching(
        self, points: Sequence[PointShape], unchanged: UnchangedState | None = None
    ) -> Sequence[PointShape]:
        """The points that kept or damaged cycles may follow, and a few older ones: most points are older than
        the journal."""
        kept, epoch = self._replica.journal, self._replica.state.epoch
        first = itertools.islice((each.after for each in kept.entries() if each.epoch == epoch), 1)
        damaged = [each.entry.seq for each in kept.damaged()]
        still = [unchanged.seq] if unchanged is not None and unchanged.epoch == epoch else []
        lowest = min((*first, *damaged, *still), default=sys.maxsize)
        for at in range(len(points) - 1, -1, -1):
            if points[at].epoch < epoch or points[at].seq <= lowest:
                return points[at:]
        return points

    def _is_due(self) -> bool:
        return time.monotonic() - self._trimmed_at > TRIMMED_EVERY_SECONDS

    def _starts(self, points: Sequence[PointShape]) -> list[Start]:
        epoch, points = self._replica.state.epoch, self._reaching(points)
        ages = retention.ages(points, self._kept)
        return [
            Start(each.seq, ages[each.id]) for each in points if each.epoch == epoch and not each.committed
        ]


def _named(entry: Entry) -> str:
    return f"cycle {entry.epoch}-{entry.seq} of {journal.spoken(entry.taken_at)} (file {entry.name})"


def processed_at(state: ReplicaState, said: UnchangedState | None) -> datetime | None:
    """Until which instant the newest processed cycle is what the machine held: its own, or a later one before
    which nothing more was written; None before the first. It does not change while the next cycle is applied,
    which may take long."""
    taken_at = state.processed_taken_at
    if said and (said.epoch, said.seq) == (state.epoch, state.processed_seq):
        taken_at = said.taken_at
    return datetime.fromisoformat(taken_at) if taken_at else None
