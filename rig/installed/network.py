"""The network between installed hosts: a bridge of this machine, on which each host has a line, with IPv4 and IPv6."""

import contextlib
import ipaddress
import random
from pathlib import Path

from rig import bridges
from rig.bridges import ip

LINE = "lan0"
GUESTS = "br0"
"""Each host's bridge for its machines."""


class Network:
    """`tag` names what is made of it on this machine; hosts have numbers from 10 on, this machine 1."""

    def __init__(self, folder: Path, tag: str) -> None:
        self._tag = tag
        taken = ip("-o", "addr", "show")
        self._net = next(net for net in _nets() if f" {net.network_address + 1}/" not in taken)
        self._six = ipaddress.IPv6Network((0xFD5E << 112 | random.SystemRandom().getrandbits(40) << 72, 64))
        bridges.make(folder, self.bridge)
        self._give((), self.bridge, 1)

    @property
    def bridge(self) -> str:
        return f"ssn-{self._tag}"

    def address(self, number: int) -> str:
        return str(self._net.network_address + number)

    def address6(self, number: int) -> str:
        return str(self._six.network_address + number)

    def namespace(self, number: int) -> str:
        """In which a host lives; what it makes there goes with its power."""
        return f"ss-{self._tag}-{number}"

    def connect(self, number: int) -> None:
        """A namespace anew, with a line to all others and a bridge for machines."""
        space, line = self.namespace(number), f"ssl-{self._tag}-{number}"
        self.disconnect(number)
        ip("netns", "add", space)
        inside = ("-n", space)
        ip("link", "add", line, "type", "veth", "peer", "name", LINE, "netns", space)
        ip("link", "set", line, "master", self.bridge, "up")
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "link", "set", LINE, "up")
        self._give(inside, LINE, number)
        ip(*inside, "link", "add", GUESTS, "type", "bridge")
        ip(*inside, "link", "set", GUESTS, "up")

    def disconnect(self, number: int) -> None:
        ip("link", "del", f"ssl-{self._tag}-{number}", check=False)
        ip("netns", "del", self.namespace(number), check=False)

    def _give(self, inside: tuple[str, ...], device: str, number: int) -> None:
        ip(*inside, "addr", "add", f"{self.address(number)}/24", "dev", device)
        ip(*inside, "addr", "add", f"{self.address6(number)}/64", "dev", device, "nodad")

    def close(self) -> None:
        for number in range(10, 20):
            self.disconnect(number)
        with contextlib.suppress(OSError):
            ip("link", "del", self.bridge, check=False)


def _nets() -> list[ipaddress.IPv4Network]:
    """In an order of this rig's own: others begin at the same time."""
    found = [ipaddress.IPv4Network(f"10.213.{number}.0/24") for number in range(256)]
    random.SystemRandom().shuffle(found)
    return found
