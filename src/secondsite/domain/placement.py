"""On which of a site's hosts the replica of a machine is placed, and so where the machine starts.

A host takes a machine if it is connected and not drained, has the wanted store, has enough memory left once
all that is placed there runs, and has no machine that this one is kept apart from. Of those that take it, the
one that lacks the least is chosen, of these the one that has most of the machines with which it is kept
together, and of these the one that is filled the least: so all others spread evenly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..ground.plural import counted
from . import errors
from .amounts import size

NAMED = 20
"""How many hosts an error tells of."""


@dataclass(frozen=True, slots=True)
class PlacedMachine:
    """A machine that is to be placed. `apart`: the word that it shares with those from which it is kept
    apart, `together` with those to whose host it goes; `networks`: those of the site that its cards are
    mapped to."""

    name: str
    memory_bytes: int = 0
    disk_bytes: int = 0
    accelerated: bool = False
    networks: frozenset[str] = frozenset()
    apart: str | None = None
    together: str | None = None


@dataclass(frozen=True, slots=True)
class PlacementHost:
    """A host, by its appliance. `left_bytes`: its memory that is left once all that is placed there runs;
    None: it does not say what it has, or that is not judged."""

    id: str
    name: str
    connected: bool = True
    drained: bool = False
    has_store: bool = True
    memory_bytes: int | None = None
    left_bytes: int | None = None
    store_free_bytes: int = 0
    accelerated: bool = False
    networks: frozenset[str] | None = None
    """None: not known."""
    machines: int = 0
    """How many are placed there."""
    apart: Mapping[str, str] = field(default_factory=dict)
    """The machines there that are kept apart from others, by their word."""
    together: Mapping[str, int] = field(default_factory=dict)
    """How many machines there are kept together, by their word."""

    def holding(self, machine: PlacedMachine) -> "PlacementHost":
        """The host once this machine is placed there too."""
        return replace(
            self,
            left_bytes=None if self.left_bytes is None else self.left_bytes - machine.memory_bytes,
            store_free_bytes=self.store_free_bytes - machine.disk_bytes,
            machines=self.machines + 1,
            apart=self.apart if machine.apart is None else {machine.apart: machine.name, **self.apart},
            together={**self.together, machine.together: self.beside(machine) + 1}
            if machine.together is not None
            else self.together,
        )

    def beside(self, machine: PlacedMachine) -> int:
        """How many machines are here with which this one is kept together."""
        return 0 if machine.together is None else self.together.get(machine.together, 0)

    def not_judged(self) -> "PlacementHost":
        """The host as it is if there is no choice: it may be waited for, and may have too little memory."""
        return replace(self, connected=True, has_store=True, left_bytes=None)

    @property
    def filled(self) -> float:
        """What part of its memory is used once all runs that is placed there; 1 if that is not known."""
        if not self.memory_bytes or self.left_bytes is None:
            return 1.0
        return 1 - self.left_bytes / self.memory_bytes


def shortage(machine: PlacedMachine, host: PlacementHost) -> str | None:
    """Why the host does not take the machine, as the end of a sentence; None if it does."""
    if host.drained:
        return "it is drained"
    if not host.connected:
        return "it has no connection to the vault"
    if not host.has_store:
        return "it does not have that store"
    if machine.apart is not None and machine.apart in host.apart:
        return f"{host.apart[machine.apart]} is there, from which it is kept apart ('{machine.apart}')"
    if host.left_bytes is not None and host.left_bytes < machine.memory_bytes:
        left = size(max(0, host.left_bytes))
        return f"{left} of {size(host.memory_bytes)} of memory are left once all runs that is placed there"
    return None


def lacks(machine: PlacedMachine, host: PlacementHost) -> tuple[str, ...]:
    """What the host lacks although it takes the machine, in words."""
    missing = () if host.networks is None else sorted(machine.networks - host.networks)
    slow = ("KVM",) if machine.accelerated and not host.accelerated else ()
    full = ("space for its whole disks",) if host.store_free_bytes < machine.disk_bytes else ()
    return (*(f"network {each}" for each in missing), *slow, *full)


def choose(machine: PlacedMachine, hosts: Sequence[PlacementHost]) -> PlacementHost:
    """The host for the machine. Raises NotPossibleNow, which tells for each host what it lacks."""
    fitting = [each for each in hosts if shortage(machine, each) is None]
    if not fitting:
        raise _none_fits(machine, hosts)
    return min(fitting, key=lambda each: _rank(machine, each))


def choose_all(machines: Sequence[PlacedMachine], hosts: Sequence[PlacementHost]) -> Sequence[PlacementHost]:
    """The host for each machine, in their order, as it is once that machine is placed there. Those that are
    kept apart are placed first, then the largest. Raises as `choose`."""
    there, chosen = {each.id: each for each in hosts}, {}
    for number in sorted(range(len(machines)), key=lambda each: _turn(machines[each])):
        host = choose(machines[number], tuple(there.values())).holding(machines[number])
        there[host.id] = chosen[number] = host
    return [chosen[number] for number in range(len(machines))]


def _turn(machine: PlacedMachine) -> tuple[bool, int, str]:
    return machine.apart is None, -machine.memory_bytes, machine.name


def told(machine: PlacedMachine, host: PlacementHost) -> str:
    """What was chosen and why, as a part of a sentence; `host` as it is with the machine."""
    before = replace(host, store_free_bytes=host.store_free_bytes + machine.disk_bytes)
    missing = lacks(machine, before)
    without = f", without {' and '.join(missing)}" if missing else ""
    if (others := host.beside(machine) - 1) > 0:
        without += f", beside {others} of '{machine.together}'"
    if host.left_bytes is None:
        return f"placed at '{host.name}'{without}"
    left = f"{size(host.left_bytes)} of {size(host.memory_bytes)} of memory left there"
    return f"placed at '{host.name}'{without}, with {left}"


def _rank(machine: PlacedMachine, host: PlacementHost) -> tuple[int, int, float, int, int, str, str]:
    after = host.holding(machine)
    return (
        len(lacks(machine, host)),
        -host.beside(machine),
        after.filled,
        -after.store_free_bytes,
        host.machines,
        host.name,
        host.id,
    )


def _none_fits(machine: PlacedMachine, hosts: Sequence[PlacementHost]) -> errors.NotPossibleNow:
    reasons = [f"{each.name}: {shortage(machine, each)}" for each in hosts]
    more = len(reasons) - NAMED
    listed = "; ".join(reasons[:NAMED]) + (f"; and {more} more" if more > 0 else "")
    what = f"No host takes {machine.name} ({size(machine.memory_bytes)} of memory). {listed}."
    if len(hosts) == 1:
        what = f"Appliance '{hosts[0].name}' does not take {machine.name}: {shortage(machine, hosts[0])}."
    return errors.NotPossibleNow(what, do=_advice(machine, hosts))


def _advice(machine: PlacedMachine, hosts: Sequence[PlacementHost]) -> str:
    alone = replace(machine, apart=None)
    near = [each for each in hosts if machine.apart and shortage(alone, each) is None]
    if near:
        best = min(near, key=lambda each: _rank(alone, each))
        have = counted(len(hosts), "host")
        return f"Of {have} none is left for '{machine.apart}'. Without '--apart' it goes to '{best.name}'."
    if any(each.drained for each in hosts):
        return "End a drain ('secondsite appliance resume APPLIANCE'), or name another host's appliance."
    return "Add a host, or name the appliance with '--target-appliance': memory is not judged then."
