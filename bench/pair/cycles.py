"""Which cycles and points a machine has at an instant. Its policy and the clock alone decide, so that both
sites say the same, and a machine that was just protected has as many points as one that was protected long
ago.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from secondsite.wire.common.points import JournalStretch, PointShape
from secondsite.wire.common.policies import PolicyShape

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = 46
"""The points that the default policy keeps: one every five minutes of two hours, and one an hour up to a
day."""
POINT_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class Cycles:
    """Of one machine. Its first cycle is `phase_seconds` late, so that the machines do not go in step."""

    policy: PolicyShape
    epoch: int
    disks: tuple[str, ...]
    phase_seconds: float

    @classmethod
    def of(cls, machine_id: str, policy: PolicyShape, epoch: int, disks: tuple[str, ...]) -> Cycles:
        share = int(machine_id[:8], 16) / (1 << 32)
        return cls(policy, epoch, disks, share * policy.crash_consistent_every_seconds)

    def newest(self, now: datetime) -> int:
        """The number of the newest cycle that has ended."""
        passed = (now - BEGAN).total_seconds() - self.phase_seconds
        return int(passed / self.policy.cycle_seconds)

    def taken_at(self, seq: int) -> datetime:
        return BEGAN + timedelta(seconds=self.phase_seconds + seq * self.policy.cycle_seconds)

    def points(self, seq: int) -> tuple[PointShape, ...]:
        """Those that are kept when `seq` is the newest cycle, oldest first."""
        every = self._cycles_in(self.policy.crash_consistent_every_seconds)
        newest = seq - seq % every
        return tuple(self.point(each) for each in range(newest - (KEPT - 1) * every, newest + 1, every))

    def point(self, seq: int) -> PointShape:
        return _point(self.epoch, seq, self.taken_at(seq), self.disks)

    def journal(self, seq: int) -> tuple[JournalStretch, ...]:
        """The cycles of the policy's `journal_seconds`."""
        cycles = self._cycles_in(self.policy.journal_seconds)
        begins, ends = self.taken_at(seq - cycles), self.taken_at(seq)
        return (JournalStretch(begins_at=begins, ends_at=ends, cycles=cycles),) if cycles else ()

    def _cycles_in(self, seconds: float) -> int:
        return max(1, round(seconds / self.policy.cycle_seconds)) if seconds else 0


@functools.lru_cache(maxsize=200_000)
def _point(epoch: int, seq: int, taken_at: datetime, disks: tuple[str, ...]) -> PointShape:
    sealed_at = taken_at + timedelta(seconds=0.7)
    return PointShape(
        id=f"{taken_at:%Y%m%dT%H%M%SZ}-{epoch}-{seq}", taken_at=taken_at, epoch=epoch, seq=seq,
        added_bytes=POINT_BYTES,
        disks=disks, sealed_at=sealed_at, verified_at=sealed_at,
    )  # fmt: skip
