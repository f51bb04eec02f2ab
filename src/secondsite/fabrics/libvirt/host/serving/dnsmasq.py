"""Serves addresses and names on an isolated bridge, with dnsmasq.

It runs in a network namespace of its own, on the far end of a virtual cable into the bridge: the host has no
address there and no route, so its own networks may have the same subnet, and no guest of a drill reaches the
host. The namespace belongs to no file: it ends with its processes, and the cable with it. The processes end
with this one, even if it is killed.
"""

import hashlib
import ipaddress
import os
import shlex
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .....domain import errors
from .....domain.networks import subnets
from .....ground.processes import children
from .....ground.units import KiB
from .....wire.common.machines import NetworkService, ServedHost
from .... import spanning
from ....interface import LocalSpan, Obstacle

READY_SECONDS = 10.0
POLL_SECONDS = 0.02
LEASE = "12h"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
MISSING = Obstacle(
    "This host has no dnsmasq, which gives addresses to the machines of a test failover.",
    "Install it there ('apt-get install dnsmasq-base'), or start the test failover without --subnet.",
)
IN_ITS_OWN = ("unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-euc")
IN_NAMESPACE = """
until ip link show dev {inner} > /dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip address add {address} dev {inner}
ip link set {inner} up
{dnsmasq} 2>&1 | {{ dd bs={most} count={pieces} status=none; exec cat > /dev/null; }} & wait
"""
"""The command of a server. Only the beginning of its output is kept, which tells why it did not start: it
logs every odd request, and a guest could fill the host's disk that way."""
KEPT_PIECES, MOST_OF_A_PIECE = 64, 4 * KiB

Ip = Callable[..., str]
_Wanted = tuple[NetworkService, LocalSpan | None]


class Servers:
    """The servers: one process for each network."""

    def __init__(self, folder: Path, ip: Ip) -> None:
        self._folder, self._ip = folder, ip
        self._lock = threading.Lock()
        self._running: dict[str, tuple[_Wanted, children.Child]] = {}

    def serve(self, network: str, serving: NetworkService, span: LocalSpan | None = None) -> None:
        """Serves these addresses and names from now on, in place of earlier ones. Raises FabricError."""
        wanted = serving, span
        with self._lock:
            known = self._running.get(network)
            if known is not None and known[0] == wanted and known[1].poll() is None:
                return
            self._end(network)
            self._running[network] = wanted, self._start(network, wanted)

    def end(self, network: str) -> None:
        """Ends the server of a network, and removes what is left of it; harmless if there is none."""
        with self._lock:
            self._end(network)
            for file in (self._leases(network), self._log(network)):
                file.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            for network in list(self._running):
                self._end(network)

    def _end(self, network: str) -> None:
        known = self._running.pop(network, None)
        if known is not None:
            known[1].kill()
            known[1].wait()
        outer, _ = cable(network)
        if Path("/sys/class/net", outer).exists():
            self._delete(outer)

    def _delete(self, outer: str) -> None:
        """Delete the outer end of the cable. The kernel also deletes it once the last process in its
        namespace has ended, which may be at the same moment."""
        try:
            self._ip("link", "delete", "dev", outer)
        except errors.FabricError:
            if Path("/sys/class/net", outer).exists():
                raise

    def _start(self, network: str, wanted: _Wanted) -> children.Child:
        outer, inner = cable(network)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._ip("link", "add", "name", outer, "type", "veth", "peer", "name", inner)
        with self._log(network).open("wb") as log:
            server = children.start([*IN_ITS_OWN, self._script(network, wanted)], log, {"PATH": PATH})
        try:
            self._ip("link", "set", "dev", outer, "master", network)
            self._ip("link", "set", "dev", outer, "up")
            self._move(server, inner)
            self._require_started(network, server)
        except BaseException:
            server.kill()
            server.wait()
            raise
        return server

    def _move(self, server: children.Child, inner: str) -> None:
        """Move the inner end into the server's namespace, which the process may not have entered yet."""
        ours, deadline = os.readlink("/proc/self/ns/net"), time.monotonic() + READY_SECONDS
        while server.poll() is None and time.monotonic() < deadline:
            if os.readlink(f"/proc/{server.pid}/ns/net") != ours:
                self._ip("link", "set", "dev", inner, "netns", str(server.pid))
                return
            time.sleep(POLL_SECONDS)

    def _require_started(self, network: str, server: children.Child) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while b": started" not in (said := self._log(network).read_bytes()):
            if server.poll() is not None or time.monotonic() > deadline:
                last = said.decode(errors="replace").strip().rpartition("\n")[2]
                raise errors.FabricError(
                    f"dnsmasq did not start on the network '{network}': {last or 'it said nothing'}",
                    do="Start the test failover without --subnet, or correct what is named.",
                )
            time.sleep(POLL_SECONDS)

    def _script(self, network: str, wanted: _Wanted) -> str:
        subnet = ipaddress.IPv4Network(wanted[0].subnet)
        _, inner = cable(network)
        first = subnet.network_address + 1
        command = shlex.join(_command(inner, subnet, wanted, self._leases(network)))
        return IN_NAMESPACE.format(
            inner=inner,
            address=f"{first}/{subnet.prefixlen}",
            dnsmasq=command,
            pieces=KEPT_PIECES,
            most=MOST_OF_A_PIECE,
        )

    def _leases(self, network: str) -> Path:
        return self._folder / f"{cable(network)[0]}.leases"

    def _log(self, network: str) -> Path:
        return self._folder / f"{cable(network)[0]}.log"


def obstacle() -> Obstacle | None:
    """Why nothing can be served here; None if it can."""
    return None if shutil.which("dnsmasq", path=PATH) else MISSING


def cable(network: str) -> tuple[str, str]:
    """The names of the cable's ends: in the bridge, and in the namespace. A name has at most 15
    characters."""
    digest = hashlib.sha256(network.encode()).hexdigest()[:11]
    return f"sso-{digest}", f"ssi-{digest}"


def _command(inner: str, subnet: ipaddress.IPv4Network, wanted: _Wanted, leases: Path) -> list[str]:
    serving, span = wanted
    given = spanning.given(serving, span)
    return [
        "dnsmasq", "--conf-file=", "--pid-file=", "--keep-in-foreground", "--log-facility=-", "--user=nobody",
        f"--interface={inner}", "--except-interface=lo", "--bind-interfaces",
        "--no-resolv", "--no-hosts", "--local=//",
        # While it waits 3 s for an echo it answers nobody, and of two slow guests neither got its address.
        "--no-ping",
        *(f"--dhcp-range={first},{last},{subnet.netmask},{LEASE}" for first, last in given),
        *([] if given else [f"--dhcp-range={subnet.network_address},static,{subnet.netmask},{LEASE}"]),
        "--dhcp-authoritative", "--quiet-dhcp", "--dhcp-option=3",
        f"--dhcp-leasefile={leases}",
        *([f"--dhcp-option=6,{','.join(serving.dns_servers)}"] if serving.dns_servers else []),
        *(f"--dhcp-host={_place(host)}" for host in serving.hosts),
        *([] if span is None else [f"--dhcp-option=26,{span.mtu}"]),
        *(f"--host-record={name},{address}" for name, address in spanning.named(serving, span)),
    ]  # fmt: skip


def _place(host: ServedHost) -> str:
    """A host as an argument of dnsmasq. A name from an older vault that dnsmasq would misread is left out."""
    name = None if subnets.READ_OTHERWISE.fullmatch(host.name) else host.name
    return ",".join(word for word in (host.mac, host.address, name) if word)
