"""Networks of which some machines move to another site and keep their addresses while others stay: one subnet
cannot be at two sites. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """A machine's card in a network of its site. `keeps`: its guest keeps its address wherever it runs."""

    machine: str
    network: str
    moves: bool
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """The names of machines that move and keep their addresses, and of those that stay."""

    network: str
    moving: tuple[str, ...]
    staying: tuple[str, ...]


def splits(members: Iterable[Member]) -> tuple[Split, ...]:
    """The split of each network, each name once; none for a network that moves as a whole, or of which no
    machine keeps its address."""
    moving: dict[str, dict[str, None]] = {}
    staying: dict[str, dict[str, None]] = {}
    for each in members:
        if each.moves and each.keeps:
            moving.setdefault(each.network, {})[each.machine] = None
        elif not each.moves:
            staying.setdefault(each.network, {})[each.machine] = None
    return tuple(
        Split(network, tuple(moving[network]), tuple(staying[network]))
        for network in sorted(moving.keys() & staying.keys())
    )
