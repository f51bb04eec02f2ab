"""Opens a way into the machine of a drill, and into no other."""

from ...domain import errors
from ...fabrics.entering import Entrance
from ...ground import seams
from ...wire.control.ways import OpenedWay, OpenWay
from ..shared import Way, dialled
from .context import Context
from .runs import DRILL, machine_of


def open_way(context: Context, payload: OpenWay) -> tuple[str, OpenedWay]:
    """Connect to the machine, then to the vault, and pass bytes on until either ends. Raises NotFound,
    NotOurs, NotPossibleNow, FabricError, ApplianceUnreachable."""
    _require_of_its_drill(context, payload)
    ways, fabric_id = context.parts.ways, payload.fabric_id
    ways.take(fabric_id, payload.way, payload.kind)
    try:
        where = _opened(context, payload)
    except BaseException:
        ways.leave(fabric_id, payload.way)
        raise
    return f"{where} of {payload.name} is open", OpenedWay(where=where[:200])


def _opened(context: Context, payload: OpenWay) -> str:
    parts, ways, fabric_id = context.parts, context.parts.ways, payload.fabric_id
    entrance = Entrance(payload.kind, payload.port, payload.address)
    opened = context.fabric.entering.open(fabric_id, entrance)
    seams.reach("appliance.way.opened")
    try:
        line = dialled(parts.config, parts.peers, parts.known_vaults, payload.way, payload.secret)
    except BaseException:
        opened.close()
        raise
    limits = payload.most_seconds, payload.idle_seconds
    way = Way(line, opened, *limits, lambda _way: ways.leave(fabric_id, payload.way))
    if not ways.put(fabric_id, payload.way, way):
        way.close()
        raise errors.NotPossibleNow(f"The drill of {payload.name} was cleaned up meanwhile.")
    way.begin()
    return opened.where


def _require_of_its_drill(context: Context, payload: OpenWay) -> None:
    """Raises NotFound or NotOurs unless the machine is the one that the open drill of the order's replica
    started here: a vault in other hands gets into no other machine by this."""
    fact = machine_of(context, DRILL)
    if fact is None or fact.fabric_id != payload.fabric_id:
        raise errors.NotFound(
            f"{payload.name} is not the machine of an open test failover here.",
            do="See 'secondsite machine show MACHINE', and start its test failover again.",
        )
    context.require_tagged(payload.fabric_id)
