"""Opens a way into the machine of a drill, and into no other.

The way has a connection to the vault for itself, dialled from here as that for orders is, so nothing has to
listen at this site.
"""

import ssl

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ...datapath.channel import client_context
from ...domain import errors
from ...fabrics.entering import Entrance
from ...ground import seams
from ...ground.tls import to_a_vault
from ...wire.control import WayHello
from ...wire.control.ways import LONGEST, OpenedWay, OpenWay
from ..shared import Way
from .context import Context
from .runs import DRILL, machine_of

OPEN_SECONDS = 10.0
MOST_UNREAD = 2
"""How many messages wait here at most: each has up to LONGEST bytes."""
PING_SECONDS, GONE_SECONDS = 20.0, 40.0
"""Whoever reads nothing for that long, while the machine sends, is taken for gone."""


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
    ways, fabric_id = context.parts.ways, payload.fabric_id
    entrance = Entrance(payload.kind, payload.port, payload.address)
    opened = context.fabric.entering.open(fabric_id, entrance)
    seams.reach("appliance.way.opened")
    try:
        line = _dialled(context, payload)
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


def _dialled(context: Context, payload: OpenWay) -> ClientConnection:
    """A connection on which the vault knows which way it is. Raises ApplianceUnreachable."""
    parts = context.parts
    said = WayHello(appliance_id=parts.config.appliance_id, way=payload.way, secret=payload.secret)
    try:
        line = connect(
            parts.known_vaults.dialled, ssl=to_a_vault(client_context(parts.peers.tls)),
            open_timeout=OPEN_SECONDS, ping_interval=PING_SECONDS, ping_timeout=GONE_SECONDS, close_timeout=2,
            max_size=2 * LONGEST, max_queue=MOST_UNREAD, compression=None, proxy=None,
        )  # fmt: skip
        line.send(said.model_dump_json())
    except (OSError, ssl.SSLError, WebSocketException) as problem:
        raise errors.ApplianceUnreachable(
            f"The appliance did not reach the vault for the way: {problem}", do="Open it again."
        ) from problem
    return line
