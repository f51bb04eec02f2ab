"""Connections to other sites' appliances: certificate, bandwidth limit, compression."""

import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...datapath import channel
from ...datapath import errors as datapath_errors
from ...datapath.channel import Connection, TlsFiles, TokenBucket
from ...datapath.frames import Choice, Learnt
from .config import ApplianceConfig
from .kept_connections import KeptConnections

CONNECT_SECONDS = 5.0


class Peers:
    """Dials data ports. All streams of this appliance share one bandwidth limit. `admits` says whether a certificate of this name
    and key still counts."""

    def __init__(
        self,
        config: ApplianceConfig,
        admits: Callable[[str, str], bool] = lambda _peer_name, _key_sha256: True,
    ) -> None:
        self._admits = admits
        self._open: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.tls = TlsFiles(config.certificate, config.key, config.ca)
        self.limiter = TokenBucket(config.bandwidth_bytes_per_second)
        self._idle_seconds = config.peer_idle_seconds
        self._learnt: defaultdict[str, Learnt] = defaultdict(Learnt)
        self.kept = KeptConnections()

    def choice(self, peer_name: str) -> Choice:
        """The choice of compression for a new stream to this peer; begins with what other streams measured."""
        return Choice(learnt=self._learnt[peer_name])

    @contextmanager
    def connected(
        self, addresses: tuple[str, ...], peer_name: str, asks: bool = True
    ) -> Iterator[Connection]:
        """A connection for one cycle: what an earlier cycle left, or a new one; `asks` as in KeptConnections. Raises as `connect`; an
        error inside closes it, and silence all that rest."""
        peer = (peer_name, addresses)
        connection = self.kept.take(peer, asks) or self.connect(addresses, peer_name)
        try:
            yield connection
        except BaseException as problem:
            connection.close()
            if isinstance(problem, datapath_errors.PeerSilent):
                self.kept.drop()
            raise
        self.kept.give(peer, connection)

    def connect(
        self, addresses: tuple[str, ...], peer_name: str | None, connect_seconds: float = CONNECT_SECONDS
    ) -> Connection:
        """Connect to the first address that answers as `peer_name`. Raises the DatapathError of the last address."""
        problem: Exception = datapath_errors.PeerUnreachable(
            f"the peer {peer_name or ''} has no address",
            do="give the other appliance an advertised data address",
        )
        for address in addresses:
            host, _colon, port = address.rpartition(":")
            try:
                return self._admitted(channel.dial(
                    host.strip("[]"), int(port), self.tls, peer_name=peer_name, connect_seconds=connect_seconds,
                    idle_seconds=self._idle_seconds, limiter=self.limiter,
                ))  # fmt: skip
            except (datapath_errors.DatapathError, ValueError) as error:
                problem = error
        raise problem

    def look_again(self) -> None:
        """Cut the connections to peers that are no longer admitted."""
        with self._lock:
            for connection in list(self._open):
                if not self._admits(connection.peer_name, connection.peer_key):
                    connection.cut()

    def _admitted(self, connection: Connection) -> Connection:
        with self._lock:  # or a change between the two would cut nothing
            self._open.add(connection)
            admitted = self._admits(connection.peer_name, connection.peer_key)
        if not admitted:
            connection.close()
            raise datapath_errors.PeerUntrusted(
                f"{connection.peer_name} shows a key that the vault no longer counts as its own",
                do="find out who answers at the address of its data port; the key was replaced, or the appliance deleted",
            )
        return connection
