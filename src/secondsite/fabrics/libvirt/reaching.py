"""Asks services of a machine over its network."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import libvirt

from ...domain import errors
from ...domain.networks import addresses
from ...ground.processes import children
from .. import interface
from ..reaching import Answers, Knock, KnockResult
from .host import connection, domain_xml, inventory


class Reaching:
    def __init__(self, hypervisor: connection.Hypervisor, networks: interface.Networks) -> None:
        self._hypervisor = hypervisor
        self._networks = networks

    def addresses(self, fabric_id: str) -> Sequence[str]:
        domain = self._hypervisor.find(fabric_id)
        return [] if domain is None else [each.address for each in card_addresses(domain)]

    def visit(
        self, fabric_id: str, knocks: Sequence[Knock], source: str | None = None
    ) -> AbstractContextManager[Answers]:
        card = self._card(fabric_id, knocks[0].address)
        entered = card is not None and self._is_entered(card, source)
        return visit(knocks, card.bridge if card is not None and entered else None, source)

    def is_inside(self, fabric_id: str, address: str, source: str | None = None) -> bool:
        card = self._card(fabric_id, address)
        return card is not None and self._is_entered(card, source)

    def _is_entered(self, card: Card, source: str | None) -> bool:
        return source is not None or self._is_isolated(card.network)

    def _card(self, fabric_id: str, address: str) -> Card | None:
        """The card that has the address, or the machine's first card if it does not tell its addresses. None
        if its cards are on no bridge of this host."""
        domain = self._hypervisor.domain(fabric_id)
        if not is_connected(domain):
            raise errors.FabricError(
                "It is connected to nothing: whoever has its address elsewhere would answer in its place.",
                do="Connect its cards, or leave out the check.",
            )
        found = bridged(domain)
        if len(found) > 1:
            plain = address.partition("/")[0]
            macs = {told.mac for told in card_addresses(domain) if told.address.partition("/")[0] == plain}
            found = [card for card in found if card.mac in macs] or found
        return found[0] if found else None

    def _is_isolated(self, network: str) -> bool:
        return any(each.name == network and each.isolated for each in self._networks.list())


# The process that asks a machine's services. It ends with this one, and with it the network namespace that
# it is in.

PROGRAM = Path(__file__).with_name("reaching_program.py")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
END_SECONDS = 10.0
PRIVILEGES = (
    "The appliance's service needs CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW for that, with "
    "RestrictNamespaces=net and RestrictAddressFamilies=AF_PACKET: give them by 'systemctl edit', then "
    "start it again."
)


@contextlib.contextmanager
def visit(knocks: Sequence[Knock], bridge: str | None, source: str | None) -> Iterator[Answers]:
    """Ask from a network namespace of its own that is plugged into the bridge, or from this host if there is
    no bridge. Raises FabricError, also for an address of this host: what answers there is no machine's."""
    if bridge is None:
        _require_no_own(knocks)
    asked = json.dumps({"knocks": [asdict(each) for each in knocks], "bridge": bridge, "source": source})
    command = [sys.executable, "-I", str(PROGRAM), asked]
    with tempfile.NamedTemporaryFile() as output:
        try:
            child = children.start(["unshare", "--net", *command] if bridge else command, output, ENVIRONMENT)
        except OSError as error:
            raise errors.FabricError(
                f"The services of a machine could not be asked: {error}", do="Install util-linux."
            ) from error
        try:
            yield lambda: _read(Path(output.name), len(knocks), child.poll() is not None)
        finally:
            child.kill()
            child.wait(END_SECONDS)


def _require_no_own(knocks: Sequence[Knock]) -> None:
    for address in dict.fromkeys(addresses.host(each.address) for each in knocks):
        if is_own(address):
            raise errors.FabricError(
                (
                    f"{address} is an address of the appliance's own host, and not the machine's: whatever "
                    "answers there would answer in its place."
                ),
                do="Give the machine's own address with the check, or look which address its guest has.",
            )


def is_own(address: str) -> bool:
    """Whether this host has the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        try:
            found.bind((address, 0))
        except OSError:
            return False
    return True


def _read(output: Path, number: int, ended: bool) -> Mapping[int, KnockResult]:
    lines = output.read_text(errors="replace").splitlines()
    found, other = {}, ""
    for line in lines:
        try:
            said = json.loads(line)
            found[int(said["number"])] = KnockResult(bool(said["passed"]), str(said["said"]))
        except (ValueError, KeyError, TypeError):
            other = line
    if ended:
        missed = KnockResult(
            False, f"nobody could be asked: {other or 'the process ended early'}. {PRIVILEGES}"
        )
        found = {each: found.get(each, missed) for each in range(number)}
    return found


# A machine's addresses, and the bridge of this host that its card is on.

TOLD_BY = (
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
)
TELL_SECONDS = 5.0
LINKS = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class CardAddress:
    """An IPv4 address with its prefix, and the card that has it."""

    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card of a running machine: the bridge of this host that it is on, what the definition calls its
    network, and its port of the bridge."""

    mac: str
    bridge: str
    network: str
    port: str


def card_addresses(domain: Any) -> Sequence[CardAddress]:
    """The machine's addresses, from the first source that has any: the guest agent, a DHCP lease, this host's
    neighbour table."""
    for source in TOLD_BY:
        try:
            found = connection.call(
                "asking for addresses", domain.interfaceAddresses, source, seconds=TELL_SECONDS
            )
        except (errors.FabricError, errors.DeadlineExceeded, errors.NotFound):
            continue
        if said := usable(found):
            return said
    return ()


def usable(found: Any) -> list[CardAddress]:
    """The addresses, of those that were told, that another machine can have."""
    return [
        CardAddress(address, str(card.get("hwaddr") or "").lower())
        for card in found.values()
        for one in card.get("addrs") or ()
        if one["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4 and (address := _address(one)) is not None
    ]


def _address(said: Any) -> str | None:
    """An address as told by a guest; None if no other machine can be reached there: a guest may claim
    anything, and this host would connect to it."""
    try:
        # This host's neighbours have no prefix.
        found = ipaddress.IPv4Interface(f"{said['addr']}/{said['prefix'] or 24}")
    except ValueError:
        return None
    return str(found) if addresses.is_of_a_machine(str(found.ip)) else None


def bridged(domain: Any) -> Sequence[Card]:
    """The machine's cards that are on a Linux bridge now."""
    root = domain_xml.parse(inventory.live_xml(domain))
    found = (_card(each) for each in root.iterfind("devices/interface"))
    return [card for card in found if card is not None]


def is_connected(domain: Any) -> bool:
    """Whether any of the machine's cards is connected to anything."""
    found = domain_xml.parse(inventory.live_xml(domain)).iterfind("devices/interface")
    return any(each.find("source") is not None or each.get("type") == "user" for each in found)


def _card(interface: Element) -> Card | None:
    target, source = interface.find("target"), interface.find("source")
    mac = interface.find("mac")
    port = target.get("dev", "-") if target is not None else "-"
    link = LINKS / port / "master"
    if source is None or mac is None or not link.is_symlink():
        return None
    name = source.get("network") or source.get("bridge") or ""
    return Card(mac.get("address", "").lower(), link.readlink().name, name, port)
