"""The vault's record of a machine has the hardware that its source says: its owner may have put a card into
another network, or given it memory, since protection began."""

from collections.abc import Collection
from dataclasses import replace

from ....domain import errors
from ....wire.control.statuses import SourceStatus
from ...store import MachineRecord, Store


class Hardware:
    """What sources said that may not be in the records yet. Belongs to one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._said: dict[str, SourceStatus] = {}

    def note(self, status: SourceStatus) -> None:
        """Note a status that counts."""
        if status.hardware is not None:
            self._said[status.machine_id] = status

    def write(self) -> None:
        """Change the records of those that differ. One that a verb changes at the same time is written next
        time. Raises StoreUnavailable."""
        if not self._said:
            return
        with self._store.reading() as tx:
            known = {each.id: each for each in tx.machines.several(sorted(self._said))}
        for machine_id in tuple(self._said):
            machine, said = known.get(machine_id), self._said[machine_id]
            if machine is None or with_hardware(machine, said) == machine or self._is_written(said):
                del self._said[machine_id]

    def _is_written(self, said: SourceStatus) -> bool:
        try:
            with self._store.transaction() as tx:
                machine = tx.machines.by_id(said.machine_id)
                if machine is not None and (now := with_hardware(machine, said)) != machine:
                    tx.machines.put(now)
        except errors.StoreUnavailable:
            raise
        except errors.Conflict:
            return False
        return True

    def forget_all_but(self, machine_ids: Collection[str]) -> None:
        """Forget machines that are no longer under protection."""
        self._said = {key: said for key, said in self._said.items() if key in machine_ids}


def with_hardware(machine: MachineRecord, said: SourceStatus) -> MachineRecord:
    """The machine with the hardware that was said; as it is if that is not its home's, or not of its
    epoch."""
    if said.hardware is None or machine.is_away or said.epoch != machine.epoch:
        return machine
    return replace(machine, definition=said.hardware.in_place(machine.definition))
