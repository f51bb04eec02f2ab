"""Every ten seconds: how old is the newest state that each machine could be recovered to?

A vault samples the machines whose target's appliance is connected to it, and those whose appliance is
connected to no vault: that is when the series matters most. If two vaults sample one machine, the first fills
the slot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from ...domain import rpo_samples
from ...ground.periodic import Periodic
from ..fleet.status_intake import StatusIntake
from ..health import findings, machine_rpo
from ..interfaces import Gateway
from ..store import MachinePlace, RpoBlock, Store, Transaction

log = structlog.get_logger()

FORGOTTEN_EVERY = timedelta(hours=1)
"""Blocks are deleted only this often: successive blocks of one machine lie together in an index, so deleting
six at once writes as many pages as deleting one."""


class RpoSeries(Periodic):
    """Samples the RPO series."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        facts: StatusIntake,
        unwritten: RpoUnwritten,
        now: Callable[[], datetime],
        lived: Callable[[], datetime],
    ) -> None:
        super().__init__("rpo-series", lambda error: log.error("rpo.not-sampled", exc_info=error))
        self._store = store
        self._gateway = gateway
        self._facts = facts
        self._unwritten = unwritten
        self._now = now
        self._lived = lived
        self._forgot_at: datetime | None = None
        self._has_begun = False

    def look(self) -> None:
        """Fill the present slot of every machine that replicates; every hour, drop blocks that are a week
        old."""
        now = self._now()
        begins_at, slot = rpo_samples.block_of(now)
        with self._store.reading() as tx:
            connected = {appliance.id for appliance in tx.appliances.list() if appliance.connected}
            ours = [
                machine.id
                for machine in tx.machines.places()
                if machine.state in findings.REPLICATES and self._is_ours(machine, connected)
            ]
            latest = self._facts.latest_of(tx, ours)
        measured = {machine_id: machine_rpo.measure(status, now) for machine_id, status in latest.items()}
        self._unwritten.fill(begins_at, slot, measured)
        # abs: the clock may have been set back
        if self._forgot_at is None or abs(now - self._forgot_at) >= FORGOTTEN_EVERY:
            with self._store.transaction() as tx:
                tx.rpo.forget(self._lived() - rpo_samples.KEPT)
            self._forgot_at = now

    def _is_ours(self, machine: MachinePlace, connected: set[str]) -> bool:
        appliance_id = machine.target_appliance_id
        return self._gateway.holds(appliance_id) or appliance_id not in connected

    def pause_seconds(self) -> float:
        """The pause until the next slot. A vault that has just started skips the first slot: until its
        appliances have reported, all statuses would be read from the store, which takes 0.5 s with 1,000
        machines, while jobs have to go on."""
        seconds = rpo_samples.SLOT_SECONDS - time.time() % rpo_samples.SLOT_SECONDS
        if self._has_begun:
            return seconds
        self._has_begun = True
        return seconds + rpo_samples.SLOT_SECONDS


# The samples of the RPO series since it was last written: many machines in one write, every few minutes. No
# decision depends on a sample. A vault that is killed loses those that were not written yet; one that is
# stopped writes them.

WRITTEN_EVERY_SECONDS = 180.0
LONGEST_HELD = 2 * rpo_samples.BLOCK
"""Samples that could not be written for that long are dropped."""


class RpoUnwritten:
    """Samples that are not written yet. Filled by one thread, read by many."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._blocks: dict[datetime, dict[str, bytes]] = {}
        """The blocks in their stored form: as objects they take ten times as much memory."""

    def fill(self, begins_at: datetime, slot: int, measured: Mapping[str, rpo_samples.Rpo]) -> None:
        """One slot of many machines (by id); a slot that is filled already stays as it is."""
        with self._lock:
            machines = self._blocks.setdefault(begins_at, {})
            for machine_id, sample in measured.items():
                filled = machines.get(machine_id, b"")
                if not rpo_samples.is_filled(filled, slot):
                    machines[machine_id] = filled + rpo_samples.pack({slot: sample})
            for late in [each for each in self._blocks if each < begins_at - LONGEST_HELD]:
                del self._blocks[late]

    def list(self, tx: Transaction, machine_id: str, since: datetime) -> Sequence[RpoBlock]:
        """A machine's blocks that end after `since`, oldest first, with what is not written yet."""
        with self._lock:
            held = {
                at: rpo_samples.unpack(machines.get(machine_id, b"")) for at, machines in self._blocks.items()
            }
        blocks = {block.begins_at: dict(block.slots) for block in tx.rpo.list(machine_id, since)}
        for begins_at, slots in held.items():
            if slots and begins_at > since - rpo_samples.BLOCK:
                blocks[begins_at] = {**slots, **blocks.get(begins_at, {})}
        return [RpoBlock(machine_id, at, slots) for at, slots in sorted(blocks.items())]

    def write(self) -> None:
        """Write everything in one transaction. What could not be written is kept for the next time. Raises
        what the store raises."""
        with self._lock:
            blocks = {at: dict(machines) for at, machines in self._blocks.items()}
        if not blocks:
            return
        with self._store.transaction() as tx:
            for begins_at, machines in sorted(blocks.items()):
                tx.rpo.fill(begins_at, {each: rpo_samples.unpack(slots) for each, slots in machines.items()})
        with self._lock:
            for begins_at, machines in blocks.items():
                _drop(self._blocks, begins_at, machines)


def _drop(held: dict[datetime, dict[str, bytes]], begins_at: datetime, written: Mapping[str, bytes]) -> None:
    """Drop what was written; a sample that came meanwhile stays."""
    there = held.get(begins_at, {})
    for machine_id, slots in written.items():
        left = there.get(machine_id, b"")[len(slots) :]
        if left:
            there[machine_id] = left
        else:
            there.pop(machine_id, None)
    if not there:
        held.pop(begins_at, None)
