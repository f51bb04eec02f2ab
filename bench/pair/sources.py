"""Machines that are replicated from a site: what the product's reporter asks of
`appliance.source.Replication`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.pair.cycles import Cycles
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.machines import PowerState
from secondsite.wire.common.policies import PolicyShape
from secondsite.wire.control.setups import SourceSetup
from secondsite.wire.control.statuses import ArrivalStatus, OldCopyStatus, SourceStatus

BUSY_BYTES = 5 * MiB
BUSY_EVERY = 10
"""One machine in so many writes; the others are idle."""


class Source:
    """One of them. Its loop goes on until it is paused."""

    def __init__(self, setup: SourceSetup) -> None:
        self.machine_id = setup.machine_id
        self.setup = setup
        self._cycles = Cycles.of(setup.machine_id, setup.policy, setup.epoch, setup.disks)
        self._busy = int(setup.machine_name.removeprefix("vm")) % BUSY_EVERY == 0
        self._paused_at: datetime | None = None
        self._status: SourceStatus | None = None

    def follow(self, policy: PolicyShape) -> None:
        self.setup = self.setup.model_copy(update={"policy": policy})
        self._cycles = dataclasses.replace(self._cycles, policy=policy)

    def pause(self) -> None:
        self._paused_at, self._status = self._paused_at or datetime.now(UTC), None

    def status(self) -> SourceStatus:
        seq = self._cycles.newest(self._paused_at or datetime.now(UTC))
        if self._status is None or self._status.last_seq != seq:
            self._status = self._after(seq)
        return self._status

    def _after(self, seq: int) -> SourceStatus:
        changed = BUSY_BYTES if self._busy else 0
        return SourceStatus(
            machine_id=self.machine_id, epoch=self.setup.epoch, power=PowerState.RUNNING,
            running=self._paused_at is None,
            last_seq=seq, sent_at=self._cycles.taken_at(seq), last_cycle_seconds=0.4 if self._busy else 0.01,
            last_cycle_changed_bytes=changed, last_cycle_wire_bytes=changed // 2 + KiB // 2,
            total_wire_bytes=seq * (changed // 2 + KiB // 2),
        )  # fmt: skip


class Sources:
    """All of a site."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self.old_copies = NoOldCopies()
        self.arrivals = NoArrivals()

    def start(self, setup: SourceSetup) -> None:
        self._sources[setup.machine_id] = Source(setup)

    def stop(self, machine_id: str) -> None:
        self._sources.pop(machine_id, None)

    def find(self, machine_id: str) -> Source | None:
        return self._sources.get(machine_id)

    def sources(self) -> Sequence[Source]:
        return list(self._sources.values())


class NoOldCopies:
    """No reprotect is undone here."""

    def statuses(self) -> tuple[OldCopyStatus, ...]:
        return ()


class NoArrivals:
    """No machine comes by live migration."""

    def statuses(self) -> tuple[ArrivalStatus, ...]:
        return ()
