"""The order to write the rescue manifest, which starts this site's machines without a vault."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from ....domain import errors
from ....ground.plural import counted
from ....ground.problem import SecondsiteError, ours
from ....rescue import CONFIGURATION, trusted
from ....wire.control.rescue_manifest import KeepRescueManifest, RescueManifestFact
from ..context import Context
from . import describing, former_vault, records
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
        if hosted is None or hosted.described.machine == machine:
            continue
        try:
            written += describing.write(context.parts, hosted, machine)
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
