"""Dials the vault for a way: a connection for itself, from here as that for orders is, so nothing has to
listen at this site."""

import socket
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
GONE_SECONDS = 40.0
"""Whoever takes no byte for that long, while there is one to take, is taken for gone."""
PING_SECONDS, ANSWERED_SECONDS = 20.0, 600.0
"""A ping stands behind all that was sent before it: megabytes in the buffers of two kernels, which a person
with a slow line takes in minutes."""


def dialled(
    config: ApplianceConfig, peers: Peers, vaults: KnownVaults, way: str, secret: str
) -> ClientConnection:
    """A connection on which the vault knows which way it is. Raises ApplianceUnreachable."""
    said = WayHello(appliance_id=config.appliance_id, way=way, secret=secret)
    try:
        line = connect(
            vaults.dialled, ssl=to_a_vault(client_context(peers.tls)), open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS, ping_timeout=ANSWERED_SECONDS, close_timeout=2, max_size=2 * LONGEST,
            max_queue=MOST_UNREAD, compression=None, proxy=None,
        )  # fmt: skip
        end_unless_taken(line.socket, GONE_SECONDS)
        line.send(said.model_dump_json())
    except (OSError, ssl.SSLError, WebSocketException) as problem:
        raise errors.ApplianceUnreachable(
            f"The appliance did not reach the vault for the way: {problem}", do="Open it again."
        ) from problem
    return line


def end_unless_taken(line: socket.socket, seconds: float) -> None:
    """Have the kernel end the connection once the other end has taken nothing for that long, while something
    waits to be sent, however much was taken before."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
