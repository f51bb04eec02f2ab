"""The network between installed hosts: a bridge of this machine, on which each host has a line, with IPv4
and IPv6."""

import ipaddress
import random
from pathlib import Path

from rig import bridges
from rig.bridges import ip

LINE = "lan0"
GUESTS = "br0"
"""Each host's bridge for its machines."""
NUMBERS = range(10, 20)
TAG = "network"
"""The file that tells what this machine's part of the network is called by."""


class Network:
    """`tag` names what is made of it on this machine; hosts have NUMBERS, this machine 1."""

    def __init__(self, folder: Path, tag: str) -> None:
        self._tag = tag
        (folder / TAG).write_text(tag)
        taken = ip("-o", "addr", "show")
        self._net = next(net for net in _nets() if f" {net.network_address + 1}/" not in taken)
        self._six = ipaddress.IPv6Network((0xFD5E << 112 | random.SystemRandom().getrandbits(40) << 72, 64))
        bridges.make(folder, self.bridge)
        self._give((), self.bridge, 1)

    @property
    def bridge(self) -> str:
        return _bridge(self._tag)

    def address(self, number: int) -> str:
        return str(self._net.network_address + number)

    def address6(self, number: int) -> str:
        return str(self._six.network_address + number)

    def namespace(self, number: int) -> str:
        """In which a host lives; what it makes there goes with its power."""
        return _namespace(self._tag, number)

    def connect(self, number: int) -> None:
        """A namespace anew, with a line to all others and a bridge for machines."""
        space, line = self.namespace(number), _line(self._tag, number)
        _disconnect(self._tag, number)
        ip("netns", "add", space)
        inside = ("-n", space)
        peer = ("peer", "name", LINE, "address", self._mac(number), "netns", space)
        ip("link", "add", line, "type", "veth", *peer)
        ip("link", "set", line, "master", self.bridge, "up")
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "link", "set", LINE, "up")
        self._give(inside, LINE, number)
        ip(*inside, "link", "add", GUESTS, "type", "bridge")
        ip(*inside, "link", "set", GUESTS, "up")

    def _mac(self, number: int) -> str:
        """Of a host's line: the same after each of its starts, as its neighbours remember it."""
        digits = f"02{self._tag}{number:04x}"
        return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))

    def _give(self, inside: tuple[str, ...], device: str, number: int) -> None:
        ip(*inside, "addr", "add", f"{self.address(number)}/24", "dev", device)
        ip(*inside, "addr", "add", f"{self.address6(number)}/64", "dev", device, "nodad")

    def close(self) -> None:
        _remove(self._tag)


def tag_of(folder: Path) -> str | None:
    """Of the network that a rig in this folder has; None: it has none."""
    file = folder / TAG
    return file.read_text() if file.exists() else None


def remove(folder: Path) -> None:
    """What a rig in this folder has left of its network."""
    tag = tag_of(folder)
    if tag:
        _remove(tag)


def _nets() -> list[ipaddress.IPv4Network]:
    """In an order of this rig's own: others begin at the same time."""
    found = [ipaddress.IPv4Network(f"10.213.{number}.0/24") for number in range(256)]
    random.SystemRandom().shuffle(found)
    return found


def _bridge(tag: str) -> str:
    return f"ssn-{tag}"


def _namespace(tag: str, number: int) -> str:
    return f"ss-{tag}-{number}"


def _line(tag: str, number: int) -> str:
    return f"ssl-{tag}-{number}"


def _disconnect(tag: str, number: int) -> None:
    ip("link", "del", _line(tag, number), check=False)
    ip("netns", "del", _namespace(tag, number), check=False)


def _remove(tag: str) -> None:
    for number in NUMBERS:
        _disconnect(tag, number)
    ip("link", "del", _bridge(tag), check=False)
