"""What a card of a guest is to have, and which of its files become what."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FOLDER = "/var/lib/secondsite/network"
"""Where a guest keeps the files that were there before, for the way home."""
REMARK = f"Set by secondsite for this site. What was here before is kept in {FOLDER}."
V4, V6 = 4, 6
EVERYWHERE = {V4: "0.0.0.0/0", V6: "::/0"}


class NotUnderstood(Exception):
    """A configuration that is left alone; its text says why, as a part of a sentence."""


class NotYet(NotUnderstood):
    """The same of a guest that is still booting: what configures its cards may come yet."""


@dataclass(frozen=True, slots=True)
class GuestFile:
    """A file as it is to be. `mode`: of a new one; one that exists keeps its own, and its owner."""

    path: str
    content: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Route:
    """Packets for the subnet go to this gateway."""

    to: str
    via: str


@dataclass(frozen=True, slots=True)
class CardPlan:
    """One card: the guest's `name` for it, at most one address of each family, with its prefix, and at most
    one gateway of each. What is said of no family stays in it as it is."""

    name: str
    mac: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...] = ()
    dns_servers: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()

    @property
    def slug(self) -> str:
        """The MAC address as a part of a file's name."""
        return self.mac.lower().replace(":", "")

    @property
    def families(self) -> frozenset[int]:
        """The families of which it is to have an address: 4, 6."""
        return frozenset(ipaddress.ip_interface(each).version for each in self.addresses)

    def address(self, family: int) -> Interface:
        return next(found for found in map(ipaddress.ip_interface, self.addresses) if found.version == family)

    def gateway(self, family: int, present: Sequence[str] = ()) -> str | None:
        """The gateway that is set; else the first of the present ones that the new address reaches."""
        own = [each for each in self.gateways if ipaddress.ip_address(each).version == family]
        return own[0] if own else next((each for each in present if self.keeps(each)), None)

    def routes_of(self, family: int) -> tuple[Route, ...]:
        return tuple(each for each in self.routes if ipaddress.ip_network(each.to).version == family)

    def is_set(self, said: str) -> bool:
        """Whether an address or a subnet, with or without a prefix, is of a family that is set here."""
        return family_of(said) in self.families

    def keeps(self, gateway: str) -> bool:
        """Whether a gateway of the guest's can stay: it is of another family, or the new address reaches
        it. Raises NotUnderstood for one with a prefix."""
        family = family_of(gateway)
        if family not in self.families:
            return family is not None
        if "/" in gateway:
            raise NotUnderstood(f"its configuration names {gateway} as a gateway, which is no single address")
        found = ipaddress.ip_address(gateway)
        return found.is_link_local or (
            found in self.address(found.version).network and found != self.address(found.version).ip
        )


def family_of(said: str) -> int | None:
    """4 or 6 for an address or a subnet, with or without a prefix; None for anything else."""
    try:
        return ipaddress.ip_interface(said).version
    except ValueError:
        return None
