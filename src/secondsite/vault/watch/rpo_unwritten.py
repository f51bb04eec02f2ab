"""The samples of the RPO series that were taken since it was last written: many machines in one write, every few minutes.

Nothing is decided by a sample. A vault that is killed loses those that were not written yet; one that is stopped writes them.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from ...domain import rpo
from ..store import RpoBlock, Store, Transaction

WRITTEN_EVERY_SECONDS = 180.0
LONGEST_HELD = 2 * rpo.BLOCK
"""Samples that no database took for that long are dropped."""


class RpoUnwritten:
    """Filled by one thread, read by many."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._blocks: dict[datetime, dict[str, bytes]] = {}
        """As they are written: as objects they take ten times as much."""

    def fill(self, begins_at: datetime, slot: int, measured: Mapping[str, rpo.Rpo]) -> None:
        """One slot of many machines (by id); a slot that is filled already stays as it is."""
        with self._lock:
            machines = self._blocks.setdefault(begins_at, {})
            for machine_id, sample in measured.items():
                filled = machines.get(machine_id, b"")
                if not rpo.is_filled(filled, slot):
                    machines[machine_id] = filled + rpo.pack({slot: sample})
            for late in [each for each in self._blocks if each < begins_at - LONGEST_HELD]:
                del self._blocks[late]

    def list(self, tx: Transaction, machine_id: str, since: datetime) -> Sequence[RpoBlock]:
        """A machine's blocks that end after `since`, oldest first, with what is not written yet."""
        with self._lock:
            held = {at: rpo.unpack(machines.get(machine_id, b"")) for at, machines in self._blocks.items()}
        blocks = {block.begins_at: dict(block.slots) for block in tx.rpo.list(machine_id, since)}
        for begins_at, slots in held.items():
            if slots and begins_at > since - rpo.BLOCK:
                blocks[begins_at] = {**slots, **blocks.get(begins_at, {})}
        return [RpoBlock(machine_id, at, slots) for at, slots in sorted(blocks.items())]

    def write(self) -> None:
        """All in one transaction. What could not be written is kept for the next time. Raises what the store raises."""
        with self._lock:
            blocks = {at: dict(machines) for at, machines in self._blocks.items()}
        if not blocks:
            return
        with self._store.transaction() as tx:
            for begins_at, machines in sorted(blocks.items()):
                tx.rpo.fill(begins_at, {each: rpo.unpack(slots) for each, slots in machines.items()})
        with self._lock:
            for begins_at, machines in blocks.items():
                _drop(self._blocks, begins_at, machines)


def _drop(held: dict[datetime, dict[str, bytes]], begins_at: datetime, written: Mapping[str, bytes]) -> None:
    """A sample that came meanwhile stays."""
    there = held.get(begins_at, {})
    for machine_id, slots in written.items():
        left = there.get(machine_id, b"")[len(slots) :]
        if left:
            there[machine_id] = left
        else:
            there.pop(machine_id, None)
    if not there:
        held.pop(begins_at, None)
