"""What a new vault would have to know of each machine: kept beside its replica, or in the store of the
appliance that replicates it."""

import contextlib
from pathlib import Path

import structlog

from ....ground import durable
from ....ground.problem import SecondsiteError
from ....rescue import RECORD, trusted
from ....wire.control.adopting import AdoptionRecord
from ....wire.control.rescue_manifest import KeepRescueManifest
from ...shared import vault_records
from ..context import Context
from .writing import AT
from .writing import put as put_file

log = structlog.get_logger(__name__)


def put(context: Context, payload: KeepRescueManifest) -> tuple[int, list[str]]:
    """Write the records that have changed; returns how many files were written, and the names of the machines
    whose records could not be."""
    written, lost = 0, []
    for each in payload.records:
        try:
            written += _put(context, each)
        except (OSError, SecondsiteError) as problem:
            log.warning("keeping.not-recorded", machine=each.id, problem=str(problem))
            lost.append(each.name)
    return written, lost


def here(context: Context) -> list[str]:
    """The ids of all machines of which a record is here."""
    host = context.parts.host
    hosted = {each.machine_id for each in host.all()} | set(host.unopened())
    lying = {machine_id for _store, machine_id in host.unknown()}
    return sorted(hosted | lying | {each.machine_id for each in context.parts.replication.sources()})


def unknown(context: Context, payload: KeepRescueManifest) -> list[str]:
    """Ids of machines that have a record here and are not in this order: they belong to another vault."""
    return sorted({_owner(path) for path in _all(context)} - {each.id for each in payload.records})


def kept(context: Context, machine_id: str) -> AdoptionRecord | None:
    """The last record of the machine; None if there is none, or it cannot be read."""
    for path in _places(context, machine_id):
        with contextlib.suppress(OSError, ValueError):
            body = trusted(path)
            body.pop(AT, None)
            return AdoptionRecord.model_validate(body)
    return None


def _put(context: Context, record: AdoptionRecord) -> int:
    first, *others = _places(context, record.id)
    for store in context.parts.host.stores.all:
        if first.is_relative_to(store.root):
            store.require()  # nothing is written below a file system that was unmounted
    for other in others:
        if other.exists():
            durable.remove(other)
    first.parent.mkdir(exist_ok=True)
    return put_file(first, record.model_dump(mode="json"))


def _places(context: Context, machine_id: str) -> list[Path]:
    """Where the machine's record is kept now, and where else it may be."""
    stores = context.parts.host.stores
    store, of_source = stores.holding(machine_id), vault_records.source(stores.default.root, machine_id)
    if store is None or context.parts.host.holds_another(machine_id):
        return [of_source]
    return [store.folder / machine_id / RECORD, of_source]


def _all(context: Context) -> list[Path]:
    stores = context.parts.host.stores
    beside = [path for store in stores.usable() for path in store.folder.glob(f"*/{RECORD}")]
    return [*beside, *vault_records.sources(stores.default.root)]


def _owner(path: Path) -> str:
    return path.parent.name if path.name == RECORD else path.stem
