"""The order to keep what starts this site's machines without a vault."""

import structlog

from ....domain import errors
from ....ground.plural import counted
from ....ground.problem import ours
from ....rescue import CONFIGURATION, START
from ....wire.control.keeping import Keep, KeptFact
from ..context import Context
from . import records
from .describing import described
from .writing import put

log = structlog.get_logger(__name__)


def keep(context: Context, payload: Keep) -> tuple[str, KeptFact]:
    """Writes only what has changed. A machine that cannot be described is said, and keeps no other from being kept: plain QEMU starts
    it all the same."""
    plans = [plan.model_dump(mode="json") for plan in payload.plans]
    stores = context.parts.host.stores
    roots = [str(store.root.absolute()) for store in stores.all]
    configured: dict[str, object] = {"site": payload.site, "plans": plans, "stores": roots}
    if payload.vault is not None:
        configured["vault"] = payload.vault.model_dump(mode="json")
    written, lost = sum(put(store.root / CONFIGURATION, configured) for store in stores.usable()), []
    written += records.put(context, payload)
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
