"""The order to write the rescue manifest, which starts this site's machines without a vault."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from ....datapath.disks import file_system
from ....domain import errors
from ....fabrics.interface import HostRequest
from ....ground.plural import counted
from ....ground.problem import SecondsiteError, ours
from ....rescue import CONFIGURATION, START, trusted
from ....wire.common.machines import MachineDefinition
from ....wire.control.rescue_manifest import KeepRescueManifest, RescueMachine, RescueManifestFact
from ...target import FAILOVER, HostedReplica, coming_home
from .. import stand_ins
from ..context import Context
from . import former_vault, records
from .writing import put

log = structlog.get_logger(__name__)


def keep(context: Context, payload: KeepRescueManifest) -> tuple[str, RescueManifestFact]:
    """Write what has changed of the manifest. A machine that cannot be described, and a store that is away,
    is named in the sentence, and the others are still written: plain QEMU starts it all the same."""
    written, lost = records.put(context, payload)
    unknown = records.unknown(context, payload)
    for store in context.parts.host.stores.usable():
        # One store that was unmounted once kept what starts the machines of all others from being written.
        try:
            store.require()
            path = store.root / CONFIGURATION
            written += put(path, _configured(context, payload, path, unknown))
        except (OSError, SecondsiteError) as problem:
            log.warning("keeping.not-configured", store=store.name, problem=str(problem))
            lost.insert(0, str(store))
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
        named = ", ".join(list(dict.fromkeys(lost))[:10])
        raise errors.FabricError(
            f"{said}; how these would be started could not be kept: {named}.",
            do="See the appliance's log. Plain QEMU starts them all the same.",
        )
    return said, RescueManifestFact(written=written)


def _configured(
    context: Context, payload: KeepRescueManifest, path: Path, unknown: Sequence[str]
) -> dict[str, object]:
    """The file's content about the vault. An older vault sends nothing for a vault that would replace it."""
    plans = [plan.model_dump(mode="json") for plan in payload.plans]
    roots = [str(store.root.absolute()) for store in context.parts.host.stores.all]
    body: dict[str, object] = {"site": payload.site, "stores": roots, "plans": plans}
    if payload.vault is None:
        return body
    before = _before(path)
    here = [*records.here(context), *_in_stores_away(context, before)]
    theirs = former_vault.of_former(before, here) - {each.id for each in payload.records}
    left = former_vault.kept(before, sorted({*unknown, *theirs}))
    body |= {
        former_vault.VAULT: payload.vault.model_dump(mode="json"),
        former_vault.PLANS: former_vault.plans(plans, left),
    }
    return body if left is None else {**body, former_vault.FORMER: left}


def _in_stores_away(context: Context, before: Mapping[str, Any]) -> Sequence[str]:
    """The machines that may lie in a store that is away now: all that a former vault had, by the file."""
    away = any(space.problem for space in context.parts.host.spaces())
    former = before.get(former_vault.FORMER) if away else None
    return former[former_vault.MACHINES] if former else ()


def _before(path: Path) -> dict[str, object]:
    try:
        return trusted(path)
    except (OSError, ValueError):
        return {}


# How one machine would be started here: its description for the platform, with the files that a failover's
# run has.


def described(context: Context, hosted: HostedReplica, machine: RescueMachine) -> dict[str, object]:
    """How the machine would be started: from the newest point's definition or, if it comes home, from the one
    with which it left. Raises domain errors."""
    there, firmware = _newest(hosted)
    home = coming_home.as_withdrawn(context.state, hosted, machine)
    definition = coming_home.definition(context.state, hosted, machine, there)
    files, networks = hosted.replica.files, _networks(machine, home, definition)
    standing = [] if machine.home else [*stand_ins.planned(definition, machine.stand_in)]
    macs = {nic.key: mac for nic in definition.nics if (mac := machine.macs.get(nic.mac.lower())) is not None}
    there_instead = [each for each in standing if each.is_there]
    disks = {disk.key: files.run_overlay(FAILOVER, disk.key) for disk in definition.disks}
    disks |= {each.disk.key: files.run_stand_in(FAILOVER, each.disk.key) for each in there_instead}
    definition = stand_ins.beside(definition, there_instead)
    told = context.fabric.hosting.describe(
        HostRequest(
            fabric_id=machine.fabric_id,
            name=machine.name,
            definition=definition,
            disks=disks,
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


def _newest(hosted: HostedReplica) -> tuple[MachineDefinition, tuple[str, ...]]:
    """The definition at the newest point, and the names of its firmware files; the setup's definition while
    there is no point."""
    if not hosted.points:
        return hosted.setup.definition, ()
    record = hosted.record(hosted.points[-1].id)
    return hosted.definition(record), tuple(file.name for file in record.manifest.firmware)
