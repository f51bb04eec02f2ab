"""A machine's properties at its second site: name, vCPUs, memory, CPU model, start delay and where its disks
go."""

from collections.abc import Set

from .....domain import errors, lifecycle
from .....domain.lifecycle import Verb
from .....wire.common.properties import Sizing, TargetProperties
from .....wire.control import orders
from .....wire.control.checks import CheckTarget
from .....wire.rest.machine_settings import MachineProperties, MachinePropertiesChange
from .....wire.rest.verbs import MoveReplica
from ....steps.sides import hosts, replica_hosts
from ....store import MachinePropertiesRecord, MachineRecord, Transaction
from ...parts import Parts
from ...shared import names_of_machines
from ...shared.answered_order import ask_and_wait
from ...shared.editions import Seen, require
from .. import machines

ASK_SECONDS = 10.0


class Properties:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def show(self, name: str) -> MachineProperties:
        """The machine's properties. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return _info(tx, machines.existing(self._parts, tx, name))

    def change(
        self, name: str, request: MachinePropertiesChange, seen: Seen | None = None
    ) -> MachineProperties:
        """Replace the properties; takes effect with the next start. A machine that is now to be kept apart
        from one at its host goes to another one. Raises NotFound, InvalidArgument for a name that another
        machine has or will have there, for a CPU model that the host there does not have and for a disk that
        is not protected, or not its own, ChangedMeanwhile, NotPossibleNow for a word that cannot be kept."""
        self._parts.understood(request)
        self._require_cpu_model(name, request)
        with self._parts.changing() as tx:
            tx.one_at_a_time("machine_properties")
            machine = machines.existing(self._parts, tx, name)
            before = _info(tx, machine)
            require(seen, before, f"What {machine.name} is like at its second site")
            wanted = TargetProperties(**{**dict(request), "target_name": _other_name(machine, request)})
            if wanted.target_name != before.target_name:
                names_of_machines.require_settable(tx, machine, wanted)
            _require_disks(machine, wanted.settle.keys() - before.settle.keys())
            _require_known(machine, wanted.stand_in.keys() - before.stand_in.keys())
            tx.properties.put(MachinePropertiesRecord(machine.id, wanted))
            job_id = self._moved_apart(tx, machine, wanted.apart) if wanted.apart != before.apart else None
            after = _info(tx, machine)
            self._parts.note(before, after)
            return after.model_copy(update={"job_id": job_id})

    def _moved_apart(self, tx: Transaction, machine: MachineRecord, word: str | None) -> str | None:
        """The job that moves the replica away from others of that word, None if there are none at its host.
        Raises NotPossibleNow if there are, and it cannot go."""
        try:
            hosts.require_apart(tx, machine, word)
        except errors.NotPossibleNow:
            can = lifecycle.allowed_operations(machine.state, machine.drill_state)
            is_off_there = machine.state not in lifecycle.RUNS_AT_TARGET_AT_REST
            if not (Verb.MOVE_REPLICA in can and is_off_there and replica_hosts.is_reached(tx, machine)):
                raise
        else:
            return None
        replica_hosts.choose(self._parts.gateway, tx, machine)
        asked = MoveReplica(machines=(machine.id,))
        return self._parts.operations[Verb.MOVE_REPLICA].submit(tx, asked, self._parts.caller.name).job_id

    def _require_cpu_model(self, name: str, request: MachinePropertiesChange) -> None:
        """Ask the second site for a new CPU model. Raises InvalidArgument if it does not have it; a site that
        does not answer is asked again by the check before the next start."""
        with self._parts.store.reading() as tx:
            machine = machines.existing(self._parts, tx, name)
            if request.cpu_model in (None, tx.properties.find(machine.id).cpu_model):
                return
            there = machine.source_appliance_id if machine.reversed else machine.target_appliance_id
            appliance = tx.appliances.find(there)
        if appliance is None or not appliance.connected:
            return
        asked = CheckTarget(name=machine.name, sizing=Sizing(cpu_model=request.cpu_model))
        try:
            (found,) = ask_and_wait(self._parts, [appliance], orders.CHECK_TARGET, asked, ASK_SECONDS)
        except errors.SecondsiteError:
            return
        for each in found.obstacles:
            if each.about == "cpu_model":
                raise errors.InvalidArgument(each.what, do=each.do)


def _require_disks(machine: MachineRecord, keys: Set[str]) -> None:
    """Raises InvalidArgument for a disk that is not protected; something may stand in for one that was left
    out."""
    for key in sorted(keys - {*machine.disks, *machine.left_out}):
        raise errors.InvalidArgument(
            f"{machine.name} has no protected disk '{key}'.", do=f"It has {', '.join(machine.disks)}."
        )


def _require_known(machine: MachineRecord, keys: Set[str]) -> None:
    """Raises InvalidArgument for a disk that the machine does not have."""
    known = [disk.key for disk in machine.definition.disks]
    for key in sorted(keys - set(known)):
        raise errors.InvalidArgument(f"{machine.name} has no disk '{key}'.", do=f"It has {', '.join(known)}.")


def _other_name(machine: MachineRecord, request: MachinePropertiesChange) -> str | None:
    """The name, unless it is the machine's own."""
    return None if request.target_name == machine.name else request.target_name


def _info(tx: Transaction, machine: MachineRecord) -> MachineProperties:
    return MachineProperties(
        machine=machine.id,
        name=machine.name,
        own_vcpus=machine.definition.vcpus,
        own_memory_bytes=machine.definition.memory_bytes,
        **dict(tx.properties.find(machine.id)),
    )
