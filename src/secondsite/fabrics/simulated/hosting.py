"""Makes machines from replicas; removes, withdraws and restores them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ...domain import errors
from ...wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition
from ...wire.common.properties import Sizing
from .. import capacity, interface
from ..capacity import Capacity
from ..interface import HostRequest, MissingPart, Obstacle, PowerState
from . import consolidation, firmware
from .host.faults import Faults
from .host.host import Host
from .host.records import KIND, MachineRecord

CPU_MODEL = "simulated-v2"
CPU_MODELS = frozenset({"host-model", "simulated-v1", CPU_MODEL})
FIRMWARES = ("bios", "efi", "uefi")
ASKED = ("name", "vcpus", "memory_bytes", "nics")
"""Fields that may differ when a start is repeated."""


class SimulatedHosting:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def capacity(self) -> Capacity:
        """This host's, or what its owner set, of which machines that run take what they are defined with."""
        has = capacity.of_this_host()
        memory_bytes = self._host.memory_bytes
        if memory_bytes is None:
            return has
        on = (each for each in self._host.records.all() if self._host.state(each) is PowerState.RUNNING)
        used = sum(each.definition.memory_bytes for each in on)
        return Capacity(has.vcpus, memory_bytes, max(0, memory_bytes - used))

    def cpu_model(self) -> str | None:
        return CPU_MODEL

    def cpu_models(self) -> frozenset[str]:
        return CPU_MODELS

    def check(
        self, definition: MachineDefinition, wanted: Sizing = interface.AS_DEFINED
    ) -> Sequence[Obstacle]:
        with self._faults.around("hosting.check", definition.fabric_id):
            if definition.firmware not in FIRMWARES:
                what = f"Firmware '{definition.firmware}' is unknown here."
                return [Obstacle(what, f"Use one of {', '.join(FIRMWARES)}.")]
            return []

    def try_start(
        self, trial: interface.StartTrial, meanwhile: Callable[[str], None] | None = None
    ) -> Sequence[Obstacle]:
        with self._faults.around("hosting.try_start", trial.definition.fabric_id):
            return [Obstacle("Its start is forbidden.", "")] if trial.start_forbidden else ()

    def gone(self, home: MachineDefinition, replicated: Collection[str]) -> Sequence[MissingPart]:
        return ()

    def kept_out(self, folder: Path) -> Sequence[Obstacle]:
        return ()

    def create(self, request: HostRequest) -> Sequence[str]:
        with (
            self._faults.around("hosting.create", request.fabric_id),
            self._lock(request.fabric_id, "create"),
        ):
            wanted = MachineRecord(definition=_hosted(request), tag=request.tag)
            self._refuse_namesake(wanted)
            found = self._host.records.get(request.fabric_id)
            if found is not None and found.tag != request.tag:
                raise errors.NotOurs(f"Machine {request.fabric_id} is there already and not ours.")
            if found is None:
                firmware.bring(self._host.root, request.fabric_id, request.firmware)
                self._host.records.save(wanted)
            elif _alike(found.definition) != _alike(wanted.definition):
                raise errors.FabricError(
                    f"Machine '{request.name}' is here already, with other disks.",
                    do="Stop and remove that machine, then repeat.",
                )
            elif self._host.state(found) is PowerState.OFF:
                self._host.records.save(found.having(definition=_as_asked(found, wanted)))
            return ()

    def describe(self, request: interface.HostRequest) -> interface.Description:
        """A simulated machine has no words that another program understands."""
        with self._faults.around("hosting.describe", request.fabric_id):
            return interface.Description()

    def remove(self, fabric_id: str, tag: str, *, leave_files: bool = False) -> None:
        with self._faults.around("hosting.remove", fabric_id), self._lock(fabric_id, "remove"):
            if self._host.records.get(fabric_id) is not None:
                self._take_away(self._ours(fabric_id, tag))

    def withdraw(self, fabric_id: str, tag: str, disks: Collection[str] = ()) -> MachineDefinition:
        with self._faults.around("hosting.withdraw", fabric_id), self._lock(fabric_id, "withdraw"):
            record = self._ours(fabric_id, tag)
            if self._host.state(record) is not PowerState.OFF:
                raise errors.FabricError(
                    f"Machine '{record.definition.name}' runs; only one that is off is withdrawn.",
                    do="Shut the machine down, then repeat.",
                )
            firmware.put_aside(self._host.root, fabric_id)
            self._take_away(record)
            return record.definition

    def withhold(
        self,
        definition: MachineDefinition,
        disks: Collection[str] = (),
        above: Mapping[str, Path] | None = None,
    ) -> None:
        """Does nothing: nobody else starts machines here."""

    def release(self, fabric_id: str) -> None:
        """Does nothing: nothing was withheld."""

    def stands_alone(self, fabric_id: str) -> bool:
        return False

    def starts_for(self, appliance_id: str) -> None:
        """Does nothing: nobody else starts machines here."""

    def restore(self, definition: MachineDefinition, tag: str | None) -> None:
        fabric_id = definition.fabric_id
        with self._faults.around("hosting.restore", fabric_id), self._lock(fabric_id, "restore"):
            wanted = MachineRecord(definition=definition, tag=tag)
            self._refuse_namesake(wanted)
            found = self._host.records.get(fabric_id)
            if found is None:
                firmware.bring_back(self._host.root, fabric_id)
                self._host.records.save(wanted)
            elif (found.definition, found.tag) != (definition, tag):
                raise errors.NotOurs(f"Another machine with the id {fabric_id} is there.")
            firmware.forget_aside(self._host.root, fabric_id)

    def consolidate(
        self, fabric_id: str, disks: Mapping[str, Path], progress: Callable[[float], None]
    ) -> None:
        with self._faults.around("hosting.consolidate", fabric_id):
            consolidation.run(self._host, fabric_id, disks, progress)

    def _lock(self, fabric_id: str, purpose: str) -> AbstractContextManager[None]:
        return self._host.records.lock(fabric_id, purpose)

    def _ours(self, fabric_id: str, tag: str) -> MachineRecord:
        record = self._host.records.need(fabric_id)
        if record.tag != tag:
            raise errors.NotOurs(f"Machine '{record.definition.name}' does not carry our tag.")
        return record

    def _take_away(self, record: MachineRecord) -> None:
        self._host.reader(record.fabric_id).kill()
        record = self._host.close(record)
        if record.traits.own_daemon:
            self._host.daemon(record).remove()
        self._host.records.delete(record.fabric_id)
        firmware.remove(self._host.root, record.fabric_id)

    def _refuse_namesake(self, wanted: MachineRecord) -> None:
        for other in self._host.records.all():
            if other.definition.name == wanted.definition.name and other.fabric_id != wanted.fabric_id:
                raise errors.NotOurs(f"Another machine here has the name '{other.definition.name}' already.")


def _alike(definition: MachineDefinition) -> MachineDefinition:
    """The definition without what may differ later: an owner may grow disks; and when a start is repeated a
    network may be back, or other properties may be set."""
    sized = tuple(disk.model_copy(update={"size_bytes": 0}) for disk in definition.disks)
    return definition.model_copy(update={"disks": sized, **dict.fromkeys(ASKED)})


def _as_asked(found: MachineRecord, wanted: MachineRecord) -> MachineDefinition:
    return found.definition.model_copy(update={name: getattr(wanted.definition, name) for name in ASKED})


def _hosted(request: HostRequest) -> MachineDefinition:
    """The source's definition adapted to this site: our disks, its networks. A machine that comes home is
    as it was here."""
    if request.home is not None:
        return _at_home(request, request.home)
    source = request.definition
    missing = [disk.key for disk in source.disks if disk.key not in request.disks]
    if missing:
        raise errors.InvalidArgument(
            f"No file is given for disk {', '.join(missing)} of machine '{request.name}'."
        )
    traits = MachineRecord(definition=source).traits.model_copy(
        update={"own_daemon": False, "cpu_model": request.sizing.cpu_model}
    )
    return source.model_copy(
        update={
            "fabric_id": request.fabric_id,
            "name": request.name,
            "vcpus": request.sizing.vcpus or source.vcpus,
            "memory_bytes": request.sizing.memory_bytes or source.memory_bytes,
            "fabric_kind": KIND,
            "disks": tuple(_placed(disk, request.disks[disk.key]) for disk in source.disks),
            "nics": _connected(request),
            "native": traits.model_dump_json(),
        }
    )


def _at_home(request: HostRequest, home: MachineDefinition) -> MachineDefinition:
    disks = tuple(
        _placed(disk, request.disks[disk.key]) if disk.key in request.disks else disk for disk in home.disks
    )
    known = {disk.key for disk in home.disks}
    added = (disk for disk in request.definition.disks if disk.key in request.disks and disk.key not in known)
    disks += tuple(_placed(disk, request.disks[disk.key]) for disk in added)
    nics = tuple(nic for nic in home.nics if nic.key not in request.not_connected)
    return home.model_copy(update={"name": request.name, "disks": disks, "nics": nics})


def _placed(disk: DiskDefinition, path: Path) -> DiskDefinition:
    return disk.model_copy(update={"path": str(path), "format": "qcow2"})


def _connected(request: HostRequest) -> tuple[NicDefinition, ...]:
    """The cards that have a network here, numbered again: as on libvirt, there is no unconnected card."""
    found = ((nic, request.networks.get(nic.key)) for nic in request.definition.nics)
    kept = ((nic, network) for nic, network in found if network is not None)
    return tuple(
        nic.model_copy(
            update={"key": f"net{number}", "network": network, "mac": request.macs.get(nic.key, nic.mac)}
        )
        for number, (nic, network) in enumerate(kept)
    )
