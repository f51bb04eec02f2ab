"""Hooks: the scripts that run when a machine is moved."""

from .....wire.rest.machine_settings import MachineHooks, MachineHooksChange
from ....store import MachineHooksRecord, MachineRecord, Transaction
from ...parts import Parts
from ...shared.editions import Seen, require
from .. import machines
from .pairs import require_each_once


class Hooks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def show(self, name: str) -> MachineHooks:
        """The machine's hooks. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, machines.existing(self._parts, tx, name))

    def change(self, name: str, request: MachineHooksChange, seen: Seen | None = None) -> MachineHooks:
        """Replace the hooks; a verb that was started before keeps those that it had. Raises NotFound,
        InvalidArgument for a name that is given twice, ChangedMeanwhile."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            tx.one_at_a_time("machine_hooks")
            machine = machines.existing(self._parts, tx, name)
            before = _info(tx, machine)
            require(seen, before, f"What runs when {machine.name} is moved")
            require_each_once([each.name for each in request.hooks], "hook")
            tx.hooks.put(MachineHooksRecord(machine.id, request.hooks))
            after = _info(tx, machine)
            self._parts.note(before, after)
            return after


def _info(tx: Transaction, machine: MachineRecord) -> MachineHooks:
    return MachineHooks(machine=machine.id, name=machine.name, hooks=tuple(tx.hooks.find(machine.id)))
