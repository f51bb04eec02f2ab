"""How one machine would be started here: its description for the platform, with the files that a failover's
run has. Written when the vault asks for it, and anew once a point has another definition: a disk that was
added is in the points at once, and its machine was started from the store without it for up to seven hours.
"""

import hashlib
from dataclasses import dataclass

import structlog

from ....datapath.disks import file_system
from ....fabrics.interface import HostRequest
from ....ground.problem import ours
from ....rescue import START
from ....wire.common.machines import MachineDefinition
from ....wire.control.rescue_manifest import RescueMachine
from ...target import FAILOVER, HostedReplica, coming_home
from .. import stand_ins
from ..context import ApplianceParts
from .writing import put

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Newest:
    """The definition at the newest point, and the names of its firmware files; the setup's definition while
    there is no point."""

    definition: MachineDefinition
    firmware: tuple[str, ...]
    point_id: str | None

    @property
    def digest(self) -> str:
        said = f"{self.definition.model_dump_json()}{self.firmware}"
        return hashlib.sha256(said.encode()).hexdigest()


def write(parts: ApplianceParts, hosted: HostedReplica, machine: RescueMachine) -> int:
    """Write how it would be started, if that differs from what its file has; returns 1 if it was written,
    else 0. Raises domain errors and OSError."""
    newest = _newest(hosted)
    written = put(hosted.replica.files.root / START, _described(parts, hosted, machine, newest))
    hosted.described.note(machine, newest.digest, newest.point_id)
    return written


def look(parts: ApplianceParts) -> None:
    """Write anew what is older than the newest definition, or was lost. Until a vault has asked once since
    this process began nothing is known of the machines' cards here."""
    for hosted in parts.host.all():
        try:
            _look(parts, hosted)
        except Exception as problem:
            log.warning("keeping.not-described", machine=hosted.machine_id, problem=ours(problem).message)


def _look(parts: ApplianceParts, hosted: HostedReplica) -> None:
    told = hosted.described
    if told.machine is None or hosted.removed:
        return
    if not (hosted.replica.files.root / START).exists():
        write(parts, hosted, told.machine)
    elif hosted.points and hosted.points[-1].id != told.point_id:
        newest = _newest(hosted)
        if newest.digest == told.digest:
            told.point_id = newest.point_id
        else:
            write(parts, hosted, told.machine)


def _newest(hosted: HostedReplica) -> _Newest:
    if not hosted.points:
        return _Newest(hosted.setup.definition, (), None)
    record = hosted.record(hosted.points[-1].id)
    firmware = tuple(file.name for file in record.manifest.firmware)
    return _Newest(hosted.definition(record), firmware, record.point_id)


def _described(
    parts: ApplianceParts, hosted: HostedReplica, machine: RescueMachine, newest: _Newest
) -> dict[str, object]:
    """How the machine would be started: from the newest point's definition or, if it comes home, from the one
    with which it left. Raises domain errors."""
    home = coming_home.as_withdrawn(parts.state, hosted, machine)
    definition = coming_home.definition(parts.state, hosted, machine, newest.definition)
    files, networks = hosted.replica.files, _networks(machine, home, definition)
    standing = [] if machine.home else [*stand_ins.planned(definition, machine.stand_in)]
    macs = {nic.key: mac for nic in definition.nics if (mac := machine.macs.get(nic.mac.lower())) is not None}
    there_instead = [each for each in standing if each.is_there]
    disks = {disk.key: files.run_overlay(FAILOVER, disk.key) for disk in definition.disks}
    disks |= {each.disk.key: files.run_stand_in(FAILOVER, each.disk.key) for each in there_instead}
    definition = stand_ins.beside(definition, there_instead)
    told = parts.fabric.hosting.describe(
        HostRequest(
            fabric_id=machine.fabric_id,
            name=machine.name,
            definition=definition,
            disks=disks,
            networks=networks,
            macs=macs,
            tag=machine.id,
            firmware=dict.fromkeys(newest.firmware, b""),
            home=home,
            sizing=machine.sizing,
        )
    )
    has = home or definition
    return {
        **_of_home(machine, home, has),
        "machine": machine.machine,
        "name": machine.name,
        "fabric_id": machine.fabric_id,
        "uri": told.uri,
        "xml": told.text,
        "networks": networks,
        "macs": macs,
        "vcpus": machine.sizing.vcpus or has.vcpus,
        "memory_bytes": machine.sizing.memory_bytes or has.memory_bytes,
        "stand_ins": [_standing(each) for each in standing],
    }


def _standing(plan: stand_ins.Planned) -> dict[str, object]:
    """What stands in for a disk, for a program that knows no file systems: `make` is a command that lacks
    the file on which it makes one."""
    return {
        "key": plan.disk.key,
        "size_bytes": plan.disk.size_bytes if plan.is_there else 0,
        "bus": plan.disk.bus,
        "make": None if plan.known is None else file_system.command(plan.known, plan.disk.size_bytes),
        "said": plan.said,
    }


def _networks(
    machine: RescueMachine, home: MachineDefinition | None, definition: MachineDefinition
) -> dict[str, str | None]:
    """The network of each card, by the key that the card has here."""
    if home is not None:
        return {nic.key: nic.network for nic in home.nics}
    by_mac = {card.mac.lower(): card for card in machine.cards}
    return {
        nic.key: found.network if (found := by_mac.get(nic.mac.lower())) is not None else None
        for nic in definition.nics
    }


def _of_home(
    machine: RescueMachine, home: MachineDefinition | None, has: MachineDefinition
) -> dict[str, object]:
    """The machine with the cards that it has at home: its points have those of the other site. `as_it_was`:
    nothing is adapted."""
    if not machine.home:
        return {}
    nics = [nic.model_dump(mode="json", include={"key", "mac", "model"}) for nic in has.nics]
    return {"nics": nics, "as_it_was": home is not None}
