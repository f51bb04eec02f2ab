"""Finds what the machines on a network can reach outside of it, as far as the host knows: uplink cards, the
host itself, forwarding.

A network that a test failover uses should lead nowhere (S-095): a copy that answers for its machine in
production is worse than none.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

KNOWN = Path("/sys/class/net")


def of_bridge(name: str, subnets: Sequence[str]) -> tuple[str, ...]:
    """The uplinks of a bridge, in words: network cards, bonds and VLANs, but not cards of machines and pairs
    of virtual cards."""
    host = [f"its host, which is in {subnet}" for subnet in subnets]
    return (*(f"card {each}" for each in _uplinks(name)), *host)


def of_network(root: Element) -> tuple[str, ...]:
    """The uplinks in libvirt's definition of a network, in words. Without forwarding libvirt lets its
    machines reach only its own servers there, such as DHCP."""
    forward = root.find("forward")
    return () if forward is None else (f"what its host forwards to ({forward.get('mode', 'nat')})",)


def _uplinks(bridge: str) -> list[str]:
    try:
        ports = sorted(path.name for path in (KNOWN / bridge / "brif").iterdir())
    except OSError:
        return []
    return [port for port in ports if _leads_on(KNOWN / port)]


def _leads_on(port: Path) -> bool:
    """Whether a bridge's port is an uplink: a network card has a device; a VLAN or a bond names the card
    below it."""
    return (port / "device").exists() or any(port.glob("lower_*"))
