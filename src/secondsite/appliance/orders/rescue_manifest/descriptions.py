"""How one machine would be started here: what the platform would be told, with the files that a failover's run has."""

from ....fabrics.interface import HostRequest
from ....wire.common.machines import MachineDefinition
from ....wire.control.rescue_manifest import KeptMachine
from ...target import FAILOVER, HostedReplica, coming_home
from ..context import Context


def described(context: Context, hosted: HostedReplica, machine: KeptMachine) -> dict[str, object]:
    """Of the newest point's definition, or of that with which it left, if it comes home. Raises domain errors."""
    there, firmware = _newest(hosted)
    home = coming_home.as_withdrawn(context.state, hosted, machine)
    definition = coming_home.definition(context.state, hosted, machine, there)
    files, networks = hosted.replica.files, _networks(machine, home, definition)
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
    }


def _networks(
    machine: KeptMachine, home: MachineDefinition | None, definition: MachineDefinition
) -> dict[str, str | None]:
    """By the keys of the cards that it has here."""
    if home is not None:
        return {nic.key: nic.network for nic in home.nics}
    by_mac = {card.mac.lower(): card for card in machine.cards}
    return {
        nic.key: found.network if (found := by_mac.get(nic.mac.lower())) is not None else None
        for nic in definition.nics
    }


def _of_home(
    machine: KeptMachine, home: MachineDefinition | None, has: MachineDefinition
) -> dict[str, object]:
    """The cards that it has at home: in its points are those of the other site. `as_it_was`: nothing of it is adapted."""
    if not machine.home:
        return {}
    nics = [nic.model_dump(mode="json", include={"key", "mac", "model"}) for nic in has.nics]
    return {"nics": nics, "as_it_was": home is not None}


def _newest(hosted: HostedReplica) -> tuple[MachineDefinition, tuple[str, ...]]:
    """And the names of its firmware's files; the definition of the setup while there is no point."""
    if not hosted.points:
        return hosted.setup.definition, ()
    record = hosted.record(hosted.points[-1].id)
    return hosted.definition(record), tuple(file.name for file in record.manifest.firmware)
