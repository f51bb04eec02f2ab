"""Network cards of a machine as they are to be at the site that gets the order."""

from ..common.base import Shape


class LocalCard(Shape):
    """A card by its key and MAC address in the machine's definition, and the network here that it is
    connected to (None: it is not connected). `vlans`: the tags that it has at its source. `address`: the
    one that it is to have here, with its prefix."""

    key: str
    mac: str = ""
    network: str | None = None
    vlans: tuple[int, ...] = ()
    address: str | None = None
