"""What is set for a network card of a machine: how it is connected at the second site, in place of the networks' mapping."""

from pydantic import Field

from .base import Shape

MAC = r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$"
MOST_OF_A_NETWORK = 255


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
