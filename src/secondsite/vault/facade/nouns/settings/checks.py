"""Checks of a machine after each start at its second site."""

from .....domain import errors
from .....domain.networks import addresses
from .....wire.rest.machine_settings import MachineChecks, MachineChecksChange
from ....store import MachineChecksRecord, MachineRecord, Transaction
from ...parts import Parts
from ...shared.editions import Seen, require
from .. import machines
from .pairs import require_each_once


class Checks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def show(self, name: str) -> MachineChecks:
        """The machine's checks. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, machines.existing(self._parts, tx, name))

    def change(self, name: str, request: MachineChecksChange, seen: Seen | None = None) -> MachineChecks:
        """Replace the checks; takes effect with the next start. Raises NotFound, InvalidArgument for a name
        that is given twice, ChangedMeanwhile."""
        self._parts.understood(request)
        with self._parts.changing() as tx:
            tx.one_at_a_time("machine_checks")
            machine = machines.existing(self._parts, tx, name)
            before = _info(tx, machine)
            require(seen, before, f"What is checked of {machine.name}")
            require_each_once([each.name for each in request.checks], "check")
            _require_machines(request)
            tx.checks.put(MachineChecksRecord(machine.id, request.checks))
            after = _info(tx, machine)
            self._parts.note(before, after)
            return after


def _require_machines(request: MachineChecksChange) -> None:
    """Raises InvalidArgument for an address that is not a machine's: appliances check from their hosts, which
    have services of their own."""
    given = [each.address for each in request.checks if each.address is not None]
    odd = [each for each in given if not addresses.is_of_a_machine(addresses.host(each))]
    if odd:
        raise errors.InvalidArgument(
            f"{', '.join(odd)} is not the address of a machine.",
            do="Give the address that the machine has there.",
        )


def _info(tx: Transaction, machine: MachineRecord) -> MachineChecks:
    return MachineChecks(machine=machine.id, name=machine.name, checks=tuple(tx.checks.find(machine.id)))
