"""Dials the vault for a way: a connection for itself, from here as that for orders is, so nothing has to
listen at this site."""

import ssl

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ...datapath.channel import client_context
from ...domain import errors
from ...ground.tls import to_a_vault
from ...wire.control import WayHello
from ...wire.control.ways import LONGEST
from .config import ApplianceConfig
from .known_vaults import KnownVaults
from .peer_connections import Peers

OPEN_SECONDS = 10.0
MOST_UNREAD = 2
"""How many messages wait here at most: each has up to LONGEST bytes."""
PING_SECONDS, GONE_SECONDS = 20.0, 40.0
"""Whoever reads nothing for that long, while there is something to read, is taken for gone."""


def dialled(
    config: ApplianceConfig, peers: Peers, vaults: KnownVaults, way: str, secret: str
) -> ClientConnection:
    """A connection on which the vault knows which way it is. Raises ApplianceUnreachable."""
    said = WayHello(appliance_id=config.appliance_id, way=way, secret=secret)
    try:
        line = connect(
            vaults.dialled, ssl=to_a_vault(client_context(peers.tls)), open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS, ping_timeout=GONE_SECONDS, close_timeout=2, max_size=2 * LONGEST,
            max_queue=MOST_UNREAD, compression=None, proxy=None,
        )  # fmt: skip
        line.send(said.model_dump_json())
    except (OSError, ssl.SSLError, WebSocketException) as problem:
        raise errors.ApplianceUnreachable(
            f"The appliance did not reach the vault for the way: {problem}", do="Open it again."
        ) from problem
    return line
