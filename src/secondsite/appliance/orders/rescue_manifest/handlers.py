"""The order to keep what starts this site's machines without a vault."""

from collections.abc import Sequence
from pathlib import Path

import structlog

from ....domain import errors
from ....ground.plural import counted
from ....ground.problem import ours
from ....rescue import CONFIGURATION, START, trusted
from ....wire.control.rescue_manifest import Keep, KeptFact
from ..context import Context
from . import former_vault, records
from .descriptions import described
from .writing import put

log = structlog.get_logger(__name__)


def keep(context: Context, payload: Keep) -> tuple[str, KeptFact]:
    """Writes only what has changed. A machine that cannot be described is said, and keeps no other from being kept: plain QEMU starts
    it all the same."""
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
    return said, KeptFact(written=written)


def _configured(context: Context, payload: Keep, path: Path, unknown: Sequence[str]) -> dict[str, object]:
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
