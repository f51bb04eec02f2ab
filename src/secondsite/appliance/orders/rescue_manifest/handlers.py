"""The order to keep what starts this site's machines without a vault."""

from collections.abc import Sequence
from pathlib import Path

import structlog

from ....domain import errors
from ....fabrics.interface import HostRequest
from ....ground.plural import counted
from ....ground.problem import ours
from ....rescue import CONFIGURATION, START, trusted
from ....wire.common.machines import MachineDefinition
from ....wire.control.rescue_manifest import KeepRescueManifest, RescueMachine, RescueManifestFact
from ...target import FAILOVER, HostedReplica, coming_home
from ..context import Context
from . import former_vault, records
from .writing import put

log = structlog.get_logger(__name__)


def keep(context: Context, payload: KeepRescueManifest) -> tuple[str, RescueManifestFact]:
    """Writes only what has changed. A machine that cannot be described is said, and keeps no other from
    being kept: plain QEMU starts it all the same."""
    stores, lost = context.parts.host.stores, []
    written = records.put(context, payload)
    unknown = records.unknown(context, payload)
    for store in stores.usable():
        written += put(
            store.root / CONFIGURATION, _configured(context, payload, store.root / CONFIGURATION, unknown)
        )
    for machine in payload.machines:
        hosted = context.parts.host.find(machine.id)
        if hosted is None or hosted.described.is_of(machine):
            continue
        try:
            written += put(hosted.replica.files.root / START, described(context, hosted, machine))
            hosted.described.note(machine)
        except Exception as problem:
            log.warning("keeping.not-described", machine=machine.id, problem=ours(problem).message)
            lost.append(machine.machine)
    said = f"{counted(written, 'file')} of what starts machines here without a vault written"
    if lost:
        raise errors.FabricError(
            f"{said}; how these would be started could not be kept: {', '.join(lost[:10])}.",
            do="See the appliance's log. Plain QEMU starts them all the same.",
        )
    return said, RescueManifestFact(written=written)


def _configured(
    context: Context, payload: KeepRescueManifest, path: Path, unknown: Sequence[str]
) -> dict[str, object]:
    """An older vault says nothing for one that would come after it."""
    plans = [plan.model_dump(mode="json") for plan in payload.plans]
    roots = [str(store.root.absolute()) for store in context.parts.host.stores.all]
    body: dict[str, object] = {"site": payload.site, "stores": roots, "plans": plans}
    if payload.vault is None:
        return body
    before = _before(path)
    theirs = former_vault.of_former(before, records.here(context)) - {each.id for each in payload.records}
    left = former_vault.kept(before, sorted({*unknown, *theirs}))
    body |= {
        former_vault.VAULT: payload.vault.model_dump(mode="json"),
        former_vault.PLANS: former_vault.plans(plans, left),
    }
    return body if left is None else {**body, former_vault.FORMER: left}


def _before(path: Path) -> dict[str, object]:
    try:
        return trusted(path)
    except (OSError, ValueError):
        return {}


# How one machine would be started here: what the platform would be told, with the files that a failover's
# run has.


def described(context: Context, hosted: HostedReplica, machine: RescueMachine) -> dict[str, object]:
    """Of the newest point's definition, or of that with which it left, if it comes home. Raises domain
    errors."""
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
    machine: RescueMachine, home: MachineDefinition | None, definition: MachineDefinition
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
    machine: RescueMachine, home: MachineDefinition | None, has: MachineDefinition
) -> dict[str, object]:
    """The cards that it has at home: in its points are those of the other site. `as_it_was`: nothing of it
    is adapted."""
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
