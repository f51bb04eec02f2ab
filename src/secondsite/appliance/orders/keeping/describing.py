"""How one machine would be started here: what the platform would be told, with the files that a failover's run has."""

from ....fabrics.interface import HostRequest
from ....wire.common.machines import MachineDefinition
from ....wire.control.keeping import KeptMachine
from ...target import FAILOVER, HostedReplica
from ..context import Context


def described(context: Context, hosted: HostedReplica, machine: KeptMachine) -> dict[str, object]:
    """Of the newest point's definition. Raises domain errors."""
    definition, firmware = _newest(hosted)
    files, by_mac = hosted.replica.files, {card.mac.lower(): card for card in machine.cards}
    networks = {
        nic.key: found.network if (found := by_mac.get(nic.mac.lower())) is not None else None
        for nic in definition.nics
    }
    macs = {nic.key: mac for nic in definition.nics if (mac := machine.macs.get(nic.mac.lower())) is not None}
    told = context.fabric.hosting.describe(
        HostRequest(
            fabric_id=machine.fabric_id,
            name=machine.name,
            definition=definition,
            disks={disk.key: files.run_overlay(FAILOVER, disk.key) for disk in definition.disks},
            networks=networks,
            macs=macs,
            tag=machine.id,
            firmware=dict.fromkeys(firmware, b""),
            sizing=machine.sizing,
        )
    )
    return {
        "machine": machine.machine,
        "name": machine.name,
        "fabric_id": machine.fabric_id,
        "uri": told.uri,
        "xml": told.text,
        "networks": networks,
        "macs": macs,
        "vcpus": machine.sizing.vcpus or definition.vcpus,
        "memory_bytes": machine.sizing.memory_bytes or definition.memory_bytes,
    }


def _newest(hosted: HostedReplica) -> tuple[MachineDefinition, tuple[str, ...]]:
    """And the names of its firmware's files; the definition of the setup while there is no point."""
    if not hosted.points:
        return hosted.setup.definition, ()
    record = hosted.record(hosted.points[-1].id)
    return hosted.definition(record), tuple(file.name for file in record.manifest.firmware)
