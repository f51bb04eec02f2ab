"""What a site holds of machines of the other one: what the product's reporter asks of
`appliance.target.ReplicaHost`."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.pair.cycles import POINT_BYTES, Cycles
from secondsite.ground.units import MiB
from secondsite.wire.common.points import PointShape
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.common.stores import DEFAULT, StoreSpace
from secondsite.wire.control.setups import ReplicaSetup
from secondsite.wire.control.statuses import ReplicaStatus

JOURNAL_BYTES = 200 * MiB


class Replica:
    """One of them. Cycles arrive until its inbox is closed."""

    def __init__(self, setup: ReplicaSetup) -> None:
        self.machine_id = setup.machine_id
        self.setup = setup
        self._cycles = Cycles.of(setup.machine_id, setup.policy, setup.epoch, setup.disks)
        self._closed_at: datetime | None = None
        self._sealed: tuple[PointShape, ...] = ()
        self._committed: PointShape | None = None
        self._runs: tuple[str, ...] = ()
        self._status: ReplicaStatus | None = None

    def follow(self, policy: PolicyShape) -> None:
        self.setup = self.setup.model_copy(update={"policy": policy})
        self._cycles = dataclasses.replace(self._cycles, policy=policy)

    def accept(self, accepting: bool) -> None:
        self._closed_at, self._status = None if accepting else self._closed_at or datetime.now(UTC), None

    def seal(self) -> PointShape:
        """A point of the newest cycle."""
        newest = self._cycles.point(self._newest())
        if newest not in self.points:
            self._sealed, self._status = (*self._sealed, newest), None
        return newest

    def commit(self, point_id: str) -> None:
        """Only this point stays."""
        kept = next(each for each in self.points if each.id == point_id)
        self._committed, self._status = kept.model_copy(update={"committed": True}), None

    def run(self, run: str) -> None:
        self._runs, self._status = tuple(sorted({*self._runs, run})), None

    def end(self, run: str) -> None:
        self._runs, self._status = tuple(each for each in self._runs if each != run), None

    @property
    def points(self) -> tuple[PointShape, ...]:
        """Oldest first."""
        if self._committed is not None:
            return (self._committed,)
        return (*self._cycles.points(self._newest()), *self._sealed)

    def status(self) -> ReplicaStatus:
        seq = self._newest()
        if self._status is None or self._status.processed_seq != seq:
            self._status = self._after(seq)
        return self._status

    def _newest(self) -> int:
        return self._cycles.newest(self._closed_at or datetime.now(UTC))

    def _after(self, seq: int) -> ReplicaStatus:
        points = self.points
        return ReplicaStatus(
            machine_id=self.machine_id, epoch=self.setup.epoch, accepting=self._closed_at is None,
            synchronized=True,
            points=points, journal=self._cycles.journal(seq), journal_bytes=JOURNAL_BYTES, processed_seq=seq,
            processed_at=self._cycles.taken_at(seq), store_bytes=len(points) * POINT_BYTES, runs=self._runs,
        )  # fmt: skip


class Replicas:
    """All of a site, in one store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._replicas: dict[str, Replica] = {}

    def prepare(self, setup: ReplicaSetup) -> None:
        if setup.machine_id not in self._replicas:
            self._replicas[setup.machine_id] = Replica(setup)

    def remove(self, machine_id: str) -> None:
        self._replicas.pop(machine_id, None)

    def find(self, machine_id: str) -> Replica | None:
        return self._replicas.get(machine_id)

    def all(self) -> Sequence[Replica]:
        return list(self._replicas.values())

    def misplaced(self) -> Sequence[Replica]:
        """None: its store stays where it is."""
        return ()

    def spaces(self) -> Sequence[StoreSpace]:
        """As the reporter tells them."""
        seen = shutil.disk_usage(self._folder)
        return (StoreSpace(name=DEFAULT, free_bytes=seen.free, size_bytes=seen.total),)
