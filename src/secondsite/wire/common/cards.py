"""What is set for a network card of a machine: how it is connected at the second site, in place of the networks' mapping."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ...domain.networks import addresses, names
from .base import Shape

MAC = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"
MOST_OF_A_NETWORK = 255
MOST_CARDS = 100
MOST_DNS_SERVERS = 3
MOST_NAMES = 20
WithPrefix = Annotated[str, AfterValidator(addresses.with_prefix)]
Plain = Annotated[str, AfterValidator(addresses.plain)]
Name = Annotated[str, AfterValidator(names.name)]
Names = Annotated[tuple[Name, ...], Field(max_length=MOST_NAMES)]
DnsServers = Annotated[tuple[Plain, ...], Field(max_length=MOST_DNS_SERVERS)]


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
    test_address: WithPrefix | None = None
    """Its IPv4 address in a test failover; null: that of a failover, if the network is made for the test failover, else as its guest
    has it."""
    names: Names = ()
    """Its DNS names, such as web01.shop.example: they point to the address that it has where the machine runs. A test failover changes
    none."""


class CardAddress(Shape):
    """An address that a card of a running machine is to have. `mac` is the card's there, `key` names it in sentences."""

    key: str
    mac: str = Field(pattern=MAC)
    address: WithPrefix
    gateway: Plain | None = None
    dns_servers: DnsServers = ()
