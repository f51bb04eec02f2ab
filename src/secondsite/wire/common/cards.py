"""What is set for a network card of a machine: how it is connected at the second site, in place of the
networks' mapping; and pools of addresses for cards."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ...domain.networks import addresses, names, pools
from .base import Shape

MAC = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"
MOST_OF_A_NETWORK = 255
MOST_CARDS = 100
MOST_DNS_SERVERS = 3
MOST_NAMES = 20
MOST_ROUTES = 16
WithPrefix = Annotated[str, AfterValidator(addresses.with_prefix)]
Plain = Annotated[str, AfterValidator(addresses.plain)]
Ipv6WithPrefix = Annotated[str, AfterValidator(addresses.ipv6_with_prefix)]
Ipv6Plain = Annotated[str, AfterValidator(addresses.ipv6_plain)]
RouteSubnet = Annotated[str, AfterValidator(addresses.route_subnet)]
AnyPlain = Annotated[str, AfterValidator(addresses.any_plain)]
Name = Annotated[str, AfterValidator(names.name)]
Names = Annotated[tuple[Name, ...], Field(max_length=MOST_NAMES)]
DnsServers = Annotated[tuple[Plain, ...], Field(max_length=MOST_DNS_SERVERS)]
MOST_RANGES = 20
MOST_VLAN = 4094
Subnet = Annotated[str, AfterValidator(pools.subnet)]
Range = Annotated[str, AfterValidator(pools.span)]


class CardIpv6(Shape):
    """An IPv6 address that a card is to have, beside the one of IPv4."""

    address: Ipv6WithPrefix
    """Such as 2001:db8:2::5/64."""
    gateway: Ipv6Plain | None = None
    """The default gateway that goes with it: in its subnet, or link-local; null: what routers there say."""
    dns_servers: Annotated[tuple[Ipv6Plain, ...], Field(max_length=MOST_DNS_SERVERS)] = ()
    """The DNS servers that go with it."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        problem = addresses.ipv6_contradiction(self.address, self.gateway)
        if problem is not None:
            raise ValueError(f"the card has {problem}")
        return self


class CardRoute(Shape):
    """A route of a card: what is for the subnet goes by way of the gateway."""

    to: RouteSubnet
    """The subnet, such as 10.77.0.0/16."""
    via: AnyPlain
    """The gateway: a neighbour in the card's own subnet, or link-local."""

    @property
    def spoken(self) -> str:
        """As `ip route` says it."""
        return f"{self.to} via {self.via}"


Routes = Annotated[tuple[CardRoute, ...], Field(max_length=MOST_ROUTES)]


class CardSettings(Shape):
    """How one card is connected at the second site. At home the machine is always as it was."""

    mac: str = Field(pattern=MAC)
    """Its MAC address at home, which names it."""
    network: str | None = Field(None, min_length=1, max_length=MOST_OF_A_NETWORK)
    """Its network after a failover; null: that which its own is mapped to."""
    connected: bool = True
    """Whether it is connected after a failover."""
    test_network: str | None = Field(None, min_length=1, max_length=MOST_OF_A_NETWORK)
    """Its network in a test failover; null: that of the test failover."""
    test_connected: bool = True
    """Whether it is connected in a test failover."""
    keep_mac: bool = True
    """Whether it keeps its MAC address there; false: it has another one, always the same."""
    address: WithPrefix | None = None
    """Its IPv4 address after a failover, such as 10.2.0.5/24; null: as its guest has it."""
    gateway: Plain | None = None
    """The default gateway that goes with its address."""
    dns_servers: DnsServers = ()
    """The DNS servers that go with its address."""
    ipv6: CardIpv6 | None = None
    """Its IPv6 address after a failover, if it has one of IPv4 set, too; null: as its guest has it."""
    routes: Routes = ()
    """The routes that go with its addresses, beside the default gateway."""
    from_pool: bool = False
    """Whether it has an address out of the pool of its network there after a failover, in place of
    `address`."""
    test_address: WithPrefix | None = None
    """Its IPv4 address in a test failover; null: that of a failover, if the network is made for the test
    failover, else as its guest has it."""
    test_ipv6_address: Ipv6WithPrefix | None = None
    """The same of IPv6, beside one of IPv4."""
    names: Names = ()
    """Its DNS names, such as web01.shop.example: they point to the address that it has where the machine
    runs. A test failover changes none."""


class CardAddress(Shape):
    """An address that a card of a running machine is to have. `mac` is the card's there, `key` names it in
    sentences."""

    key: str
    mac: str = Field(pattern=MAC)
    address: WithPrefix
    gateway: Plain | None = None
    dns_servers: DnsServers = ()
    ipv6: CardIpv6 | None = None
    """An appliance of an older release ignores it, and its verdict says nothing of it."""
    routes: Routes = ()
    """As `ipv6`."""

    @property
    def spoken(self) -> str:
        """All its addresses, in a sentence."""
        return self.address if self.ipv6 is None else f"{self.address} and {self.ipv6.address}"


class PoolSettings(Shape):
    """Addresses of one subnet that nobody else gives to machines."""

    site: str = Field(min_length=1, max_length=63)
    """The site of the network."""
    network: str = Field(min_length=1, max_length=MOST_OF_A_NETWORK)
    """The network there. A network can have one pool, and one more for each VLAN tag."""
    vlan: int | None = Field(None, ge=1, le=MOST_VLAN)
    """The pool is for cards with this VLAN tag; null: for cards without a tag, and for those whose tag has no
    pool."""
    subnet: Subnet
    """The IPv4 subnet that its addresses lie in, such as 10.2.0.0/24."""
    ranges: Annotated[tuple[Range, ...], Field(min_length=1, max_length=MOST_RANGES)]
    """Its addresses, such as 10.2.0.100-10.2.0.149; no DHCP server and no person gives them to others."""
    gateway: Plain | None = None
    """The default gateway that goes with each of them; null: none."""
    dns_servers: DnsServers = ()
    """The DNS servers that go with each of them."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        problem = pools.contradiction(self.subnet, self.ranges, self.gateway)
        if problem is not None:
            raise ValueError(f"the pool has {problem}")
        return self
