"""A machine, its disks and its network cards, in words that every fabric can translate."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from ...domain.networks import addresses, spanning, subnets
from .base import Shape
from .cards import MOST_RANGES, DnsServers, Range
from .numbers import BoundedTuple, Bytes, Instant, Name, Number

MOST_DRIVES = 16
LONGEST_AUTHORITY = 4000
MOST_LEFT_OUT = 100
MOST_FEATURES = 32
AGENT_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


FeatureName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]


class PowerState(StrEnum):
    """Whether a machine runs. crashed: its guest has ended, and its hypervisor keeps it with its memory.
    saved: it is off, and its memory waits for its next start. elsewhere: it is off here, and somebody else
    writes to its disks, or it was live-migrated away. missing: its hypervisor does not know it."""

    RUNNING = "running"
    PAUSED = "paused"
    CRASHED = "crashed"
    OFF = "off"
    SAVED = "saved"
    ELSEWHERE = "elsewhere"
    MISSING = "missing"

    @property
    def is_on(self) -> bool:
        """Whether its hypervisor has it in memory, with its disks open."""
        return self in (PowerState.RUNNING, PowerState.PAUSED, PowerState.CRASHED)


WRITES = frozenset({PowerState.RUNNING, PowerState.PAUSED, PowerState.ELSEWHERE})
"""Power states in which a machine writes, or will write as soon as it is resumed."""


class DiskDefinition(Shape):
    """A disk as its site describes it."""

    key: str
    """Stable for the machine's life (libvirt: the target name, vda)."""
    size_bytes: Bytes
    """Its virtual size."""
    path: str = ""
    """Its path at the site that described it; 'iscsi://...' or 'rbd://...' of a disk that QEMU reads over the
    network."""
    format: str = "qcow2"
    """The format of its image."""
    bus: str = "virtio"
    """How the guest sees it."""
    boot_order: Number | None = None
    """Its place in the boot order; null if it is not in it."""


class FileSystemShape(Shape):
    """A file system that fills a disk, as its superblock tells."""

    kind: Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
    """ext2, ext3, ext4, xfs or swap; of a newer appliance perhaps another one, which is not made."""
    uuid: Annotated[str, Field(pattern=AGENT_ID)]
    """By which its machine may look for it."""
    label: Annotated[str, Field(max_length=16)] = ""
    """By which its machine may look for it; empty: it has none."""
    block_bytes: Bytes = 0
    """The size of its blocks; 0 where that does not matter."""
    features: Annotated[tuple[FeatureName, ...], BoundedTuple(MOST_FEATURES)] = ()
    """What it has of that which an older kernel may not read."""


class LeftOutDisk(DiskDefinition):
    """A disk of a machine that its recovery points do not have, by choice."""

    file_system: FileSystemShape | None = None
    """What was seen to fill it; null: nothing that is known, or it could not be read."""


class NicDefinition(Shape):
    """A network card."""

    key: str
    """Stable for the machine's life."""
    mac: str
    """Its MAC address."""
    network: str | None = None
    """The network or portgroup that it is connected to; null: it is not connected."""
    model: str = "virtio"
    """How the guest sees it."""
    vlans: tuple[Number, ...] = ()
    """VLAN tags that its hypervisor gives to what it sends; none: it has none of its own."""


class AgentIdentity(Shape):
    """By what the agent inside a machine shows who it is, wherever the machine runs."""

    agent_id: Annotated[str, Field(pattern=AGENT_ID)]
    """Its appliance's id for it, which its certificate names."""
    authority: Annotated[str, Field(max_length=LONGEST_AUTHORITY)]
    """The certificate (PEM) of its appliance's authority, which signed its own."""
    until: Instant | None = None
    """When its certificate ends. Those that end before were replaced, and count no more; null: all count."""


class MachineDefinition(Shape):
    """What is needed to define the machine elsewhere."""

    fabric_id: str
    """The hypervisor's id for it."""
    name: str
    """Its name at the hypervisor."""
    fabric_kind: str
    """The kind of platform: libvirt, simulated, agent."""
    vcpus: Number
    """How many processors it has."""
    memory_bytes: Bytes
    """How much memory it has."""
    firmware: str = "bios"
    """bios or uefi."""
    disks: tuple[DiskDefinition, ...]
    """In the platform's order."""
    left_out: Annotated[tuple[LeftOutDisk, ...], BoundedTuple(MOST_LEFT_OUT)] = ()
    """Its disks that a recovery point does not have, by choice; said only with a point."""
    nics: tuple[NicDefinition, ...] = ()
    """In the platform's order."""
    starts_with_host: bool = False
    """Whether it starts when its host does; false as well where that is not known."""
    drives: Annotated[tuple[Name, ...], BoundedTuple(MOST_DRIVES)] = ()
    """What the machine's own system boots from, the best first: virtio, virtio-scsi, pvscsi, ahci,
    megaraid. A host takes the first that it has. None: as its platform describes it."""
    agent: AgentIdentity | None = None
    """The agent of ours inside it; null: it has none."""
    native: str = ""
    """The platform's own description (libvirt: domain XML), so that nothing is lost in a failback."""


class NetworkInfo(Shape):
    """A network of a site."""

    name: str
    """Its name at the site; that of a portgroup is NETWORK/PORTGROUP."""
    kind: str
    """What it is there, such as a bridge."""
    isolated: bool = False
    """Whether it is isolated from all others."""
    active: bool = True
    """Whether a machine can be connected to it now: libvirt starts none on a network that is not active."""
    vlans: tuple[Number, ...] = ()
    """VLAN tags that it gives to all its machines."""
    carries_vlans: bool = False
    """Whether its machines may have VLAN tags of their own."""
    subnets: tuple[str, ...] = ()
    """The IPv4 subnets that it is known to have, such as 10.2.0.0/24; none: not known."""
    gives_addresses: bool | None = None
    """Whether the platform has a DHCP server on it; null: not known, as of a bridge, on which there may be
    another one."""
    ranges: tuple[str, ...] = ()
    """The addresses that this server gives out, such as 10.2.0.100-10.2.0.149."""
    leads_to: tuple[str, ...] = ()
    """What its machines can reach outside of it, in words; none: nothing, as far as is known."""
    takes_filters: bool = True
    """Whether a card on it can keep its network filter, and be isolated from other cards."""
    problem: str | None = None
    """Why nothing is known of it, and what to do; null: it could be read."""
    tag: str | None = None
    """Whether secondsite made it."""


class ServedHost(Shape):
    """A card on a served network, and the name that its address gets. `address`: the one that it is to have
    or, on a served network, has; None: any (so with an older vault or appliance)."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    mac: str = Field(pattern=r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$")
    address: Annotated[str, AfterValidator(addresses.plain)] | None = None


class NetworkService(Shape):
    """What an isolated network offers: addresses of `subnet` by DHCP, and the names of `hosts` by DNS at the
    subnet's first address. `dns_servers`: servers that DHCP names instead of that one. `ranges`: cards
    without an address of their own get one of these; none: of the whole subnet, as an older appliance gives
    them."""

    subnet: Annotated[str, AfterValidator(subnets.usable)]
    hosts: tuple[ServedHost, ...] = ()
    dns_servers: DnsServers = ()
    ranges: Annotated[tuple[Range, ...], Field(max_length=MOST_RANGES)] = ()


Segment = Annotated[str, AfterValidator(addresses.plain)]
"""A host's address on its drill segment."""


class NetworkSpan(Shape):
    """Hosts that share an isolated network, by a VXLAN tunnel between the drill segments of its `members`,
    which are their addresses there, in order; each host finds its own among them. `vni`: the tunnel's number.
    `mtu`: the longest packet of the machines, in bytes."""

    vni: Annotated[int, Field(ge=1, lt=spanning.NUMBERS)]
    mtu: Annotated[int, Field(ge=spanning.LEAST_MTU, le=spanning.MOST_MTU)]
    members: Annotated[tuple[Segment, ...], Field(min_length=2, max_length=spanning.MOST_HOSTS)]


class DiscoveredMachine(Shape):
    """A machine in a site's inventory."""

    fabric_id: str
    """The hypervisor's id for it."""
    name: str
    """Its name at the hypervisor."""
    power: PowerState
    """Whether it runs."""
    tag: str | None
    """The vault's machine id, if it is protected."""
    definition: MachineDefinition
    """What it consists of."""
