"""Network cards as a machine tells of them."""

from typing import Annotated, Literal

from .words import Address, Few, Mac, Path, Told, Word


class ToldCard(Told):
    """A card of hardware. Addresses of what stands on it, such as a bridge or a bond, are its own."""

    name: Word
    mac: Mac
    driver: Word = ""
    addresses: Annotated[tuple[Address, ...], Few] = ()
    """With their prefixes."""
    gateways: Annotated[tuple[Address, ...], Few] = ()
    stands: Annotated[tuple[Word, ...], Few] = ()
    """The names of what stands on it."""
    method: Literal["dhcp", "files", "unknown"] = "unknown"
    """Whether its addresses come from a server, or from files."""
    files: Annotated[tuple[Path, ...], Few] = ()
    """The files that configure it."""
    by_name: bool = False
    """Whether these files know it by a name that follows from its slot."""
