"""Joins the bridge of an isolated network with those of other hosts, by VXLAN between their drill segments.

The tunnel has neither a key nor a password. So the host takes its packets only from the addresses of the
other hosts, on the segment's own interface, and from no further than that: a router lowers the TTL. That
stands before the tunnel does. Who can send with another host's address on the segment itself is not kept out.

What a killed process left is known by a file, which is there before all else and goes last.
"""

import hashlib
import ipaddress
import json
import os
import shutil
from pathlib import Path
from typing import Any

from .....domain import errors
from .....domain.networks.spanning import PORT
from .....ground import durable, seams
from .....ground.host import SHARE
from ....interface import LocalSpan
from . import commands

LINKS = Path("/sys/class/net")
NET_ADMIN = 12
"""The number of the capability to change the host's network."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ON_THE_LINK = 255
"""The TTL of what no router has passed on (RFC 5082)."""
TO_ALL = "00:00:00:00:00:00"
RIGHT_DO = (
    "On its host: 'install -D -m 644 -t /etc/systemd/system/secondsite-appliance.service.d "
    f"{SHARE}/secondsite-appliance-segment.conf && systemctl daemon-reload && systemctl restart "
    "secondsite-appliance'."
)
GUARD = """
add table inet {table}
delete table inet {table}
table inet {table} {{
    chain foreign {{
        {foreign}
    }}
    chain arriving {{
        type filter hook input priority -10; policy accept;
        {first}
        {served}
        iifname "{bridge}" drop
    }}
    chain passing {{
        type filter hook forward priority -10; policy accept;
        iifname "{bridge}" oifname != "{bridge}" drop
        oifname "{bridge}" iifname != "{bridge}" drop
    }}
}}
"""
"""What leaves the bridge for the host: nothing but what is `SERVED`; and who sends to a tunnel."""
FOREIGN = """
        meta nfproto != ipv4 drop
        iifname != "{segment}" drop
        ip saddr != {{ {peers} }} drop
        ip ttl != {ttl} drop
"""
TO_THE_TUNNEL = "udp dport {port} @th,96,24 {number} jump foreign"
ANSWERS = 'iifname "{bridge}" ct state established accept'
"""To whoever works at the host of a network that spans no other."""
SERVED = """
        iifname "{bridge}" ip daddr {{ {server}, 255.255.255.255 }} udp dport 67 accept
        iifname "{bridge}" ip daddr {server} udp dport 53 accept
        iifname "{bridge}" ip daddr {server} tcp dport 53 accept
        iifname "{bridge}" ip daddr {server} icmp type echo-reply accept
"""
"""Questions to a server of libvirt's, and answers to that whether an address is free. It is at the host's
address on the bridge; a server of the host at another one is not the network's."""
SERVER = """
add table netdev {table}
delete table netdev {table}
table netdev {table} {{
    chain arriving {{
        type filter hook ingress device "{device}" priority 0; policy accept;
        arp saddr ip {server} drop
        arp daddr ip {server} drop
        ip saddr {server} drop
        ip daddr {server} drop
        udp dport {{ 67, 68 }} drop
    }}
}}
"""
"""Each host answers its own machines, all at the same address."""
GONE = """
add table inet {table}
delete table inet {table}
add table netdev {table}
delete table netdev {table}
"""


class Tunnels:
    """The tunnels of this host, one for each network. `folder` is for what is known of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def join(self, network: str, bridge: str, span: LocalSpan) -> None:
        """Join the bridge with the other hosts'; harmless if it is joined, and what is missing is made anew.
        Raises FabricError, NotPossibleNow."""
        segment, tunnel = str(_segment(span.own)["ifname"]), device(network)
        _require_here(bridge)
        self._folder.mkdir(parents=True, exist_ok=True)
        durable.write(self._noted(network), b"")
        seams.reach("fabric.tunnel.noted")
        foreign = FOREIGN.format(segment=segment, peers=", ".join(span.peers), ttl=ON_THE_LINK)
        _guard(network, bridge, TO_THE_TUNNEL.format(port=PORT, number=span.number), foreign)
        seams.reach("fabric.tunnel.guarded")
        if _alias(tunnel) != _said(span, segment):
            _make(tunnel, segment, span)
        commands.ip("link", "set", "dev", tunnel, "master", bridge, "up")

    def shut_in(self, network: str, bridge: str) -> None:
        """Let machines of a network without a tunnel reach nothing of their host but the network's server.
        Raises FabricError, NotPossibleNow."""
        _require_rights("nft")
        self._folder.mkdir(parents=True, exist_ok=True)
        noted = self._noted(network)
        is_new = not noted.exists()
        durable.write(noted, b"")
        try:
            _guard(network, bridge, ANSWERS.format(bridge=bridge))
        except errors.FabricError:
            if is_new:  # whoever cannot make rules cannot remove them either, and would never clean up
                noted.unlink(missing_ok=True)
            raise

    def keep_server(self, network: str, subnet: str) -> None:
        """Let no question to the network's server come from another host, nor any answer. Raises
        FabricError."""
        server = ipaddress.IPv4Network(subnet).network_address + 1
        _rules(SERVER.format(table=table(network), device=device(network), server=server))

    def leave(self, network: str) -> None:
        """Take the tunnel away, with its rules; harmless if there is none."""
        if not self._noted(network).exists():
            return
        _delete(device(network))
        seams.reach("fabric.tunnel.gone")
        _rules(GONE.format(table=table(network)))
        self._noted(network).unlink(missing_ok=True)

    def _noted(self, network: str) -> Path:
        return self._folder / f"{device(network)}.spans"


def segment_mtu(address: str) -> int:
    """As the interface of networks says."""
    _require_rights("ip", "bridge", "nft")
    return int(_segment(address)["mtu"])


def _require_rights(*programs: str) -> None:
    missing = [each for each in programs if shutil.which(each, path=PATH) is None]
    if missing:
        what = f"This host has no {', '.join(missing)}, which the networks of its drills need."
        raise errors.NotPossibleNow(what, do="Install iproute2 and nftables there.")
    if not _may_change_networks():
        raise errors.NotPossibleNow("The appliance may not change the host's network.", do=RIGHT_DO)


def _require_here(bridge: str) -> None:
    if not (LINKS / bridge).exists():
        raise errors.NotPossibleNow(
            f"The bridge '{bridge}' is not in the network namespace of the appliance.",
            do="Run the appliance and libvirt's daemon on the host itself, in one namespace.",
        )


def _addresses(bridge: str) -> list[str]:
    """The host's IPv4 addresses on the bridge."""
    shown = json.loads(commands.ip("-json", "-4", "address", "show", "dev", bridge) or "[]")
    return [str(each["local"]) for link in shown for each in link.get("addr_info", ()) if "local" in each]


def device(network: str) -> str:
    """The name of the network's tunnel. A name has at most 15 characters."""
    return f"ssv-{hashlib.sha256(network.encode()).hexdigest()[:11]}"


def table(network: str) -> str:
    """The name of the network's rules."""
    return f"secondsite-{device(network)}"


def _segment(address: str) -> dict[str, Any]:
    """The interface that has the address."""
    found = json.loads(commands.ip("-json", "-4", "address", "show", "to", f"{address}/32") or "[]")
    there: list[dict[str, Any]] = [each for each in found if "ifname" in each]
    if not there:
        raise errors.NotPossibleNow(
            f"No interface of this host has the address {address}, which is named as its drill segment.",
            do="Correct 'drill_segment' in appliance.json, or give the host that address.",
        )
    return there[0]


def _make(tunnel: str, segment: str, span: LocalSpan) -> None:
    """Make the tunnel. Its alias is set last: one without it is not whole."""
    _delete(tunnel)
    try:
        commands.ip(
            "link", "add", "name", tunnel, "mtu", str(span.mtu), "type", "vxlan", "id", str(span.number),
            "local", span.own, "dev", segment, "dstport", str(PORT), "ttl", str(ON_THE_LINK),
        )  # fmt: skip
    except errors.FabricError as problem:
        raise errors.FabricError(
            problem.message, do=f"{RIGHT_DO} If it has: start the test failover again."
        ) from problem
    seams.reach("fabric.tunnel.made")
    commands.ip("link", "set", "dev", tunnel, "addrgenmode", "none")
    for peer in span.peers:
        commands.run("bridge", "fdb", "append", TO_ALL, "dev", tunnel, "dst", peer)
    commands.ip("link", "set", "dev", tunnel, "alias", _said(span, segment))


def _said(span: LocalSpan, segment: str) -> str:
    made_of = f"{span.number}/{span.mtu}/{span.own}/{segment}/{','.join(span.peers)}"
    return f"secondsite-tunnel:{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def _alias(link: str) -> str | None:
    """The alias of a link; None if there is no such link."""
    try:
        return (LINKS / link / "ifalias").read_text().strip()
    except OSError:
        return None


def _delete(link: str) -> None:
    if (LINKS / link).exists():
        commands.ip("link", "delete", "dev", link)


def _guard(network: str, bridge: str, first: str, foreign: str = "") -> None:
    served = "".join(SERVED.format(bridge=bridge, server=each) for each in _addresses(bridge))
    _rules(GUARD.format(table=table(network), bridge=bridge, first=first, foreign=foreign, served=served))


def _rules(script: str) -> None:
    """All of it or nothing. Raises FabricError."""
    commands.run("nft", "-f", "-", said=script)


def _may_change_networks() -> bool:
    said = Path(f"/proc/{os.getpid()}/status").read_text()
    line = next(each for each in said.splitlines() if each.startswith("CapEff:"))
    return bool(int(line.split()[1], 16) >> NET_ADMIN & 1)
