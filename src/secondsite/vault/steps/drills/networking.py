"""The network of a test failover, or its networks: checked before, made, and removed when the drill fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ....domain.drills.networks import CREATE_EACH, MADE, NO_NETWORK
from ....domain.plans import run_selection
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.base import Shape
from ....wire.control import checks, orders
from ...store import MachineRecord, Transaction
from ..absent_site import declaration
from ..absent_site.declaration import Need
from ..deps import Deps
from ..sides import drill_networks, network_cards, shared_drill_network
from ..sides.addressing import DrillNetwork
from ..sides.source import Source
from ..sides.target import Target
from . import spanning
from .spanning import DrillSpan

Asked = tuple[orders.CreateNetwork, dict[str, str] | None]
"""The order, and, if each network of the machine's home gets one, the network of each card, by home MAC
address."""


class NetworkOptions(Shape):
    """The network options among the job's arguments. `span`: the hosts that share the networks; None: each
    host makes its own."""

    network: str
    subnet: str | None = None
    dns_servers: tuple[str, ...] = ()
    span: DrillSpan | None = None


class DrillNetworks:
    def __init__(
        self, deps: Deps, target: Callable[[StepContext], Target], source: Callable[[StepContext], Source]
    ) -> None:
        self._deps, self._target, self._source = deps, target, source

    def wanted(self, ctx: StepContext, machine: MachineRecord) -> checks.CheckTarget:
        """What the target is asked about networks."""
        asked, run = ctx.arguments(NetworkOptions), shared_drill_network.run_of(ctx)
        with self._deps.store.reading() as tx:
            connected = network_cards.in_drill(
                tx, machine, None if asked.network == NO_NETWORK else asked.network
            )
            home = drill_networks.of(tx, machine) if asked.network == CREATE_EACH else {}
        there = tuple(name for name in network_cards.names(connected) if name not in MADE)
        return checks.CheckTarget(
            networks=there,
            test_networks=there,
            cards=tuple(card for card in connected if card.network in there),
            serve=asked.subnet is not None,
            serve_subnet=asked.subnet,
            makes=_made(asked, machine, run, home),
            stand_ins=drill_networks.asked(home),
        )

    def obstacles(
        self, ctx: StepContext, machine: MachineRecord, answer: checks.TargetCheckFact
    ) -> tuple[checks.Obstacles, tuple[checks.NetworkCandidate, ...]]:
        """The obstacles, and what the networks that are made stand for."""
        asked = ctx.arguments(NetworkOptions)
        several = asked.network == CREATE_EACH
        old = shared_drill_network.too_old(
            answer,
            machine,
            serves=asked.subnet is not None,
            names_servers=bool(asked.dns_servers),
            several=several,
        )
        if not several or old.obstacles:
            return old, ()
        with self._deps.store.reading() as tx:
            home = drill_networks.of(tx, machine)
            pools, asks = drill_networks.pools_of(tx, machine, home), drill_networks.from_pools(tx, machine)
        known = drill_networks.known(home, answer, self._source(ctx), pools)
        found = drill_networks.obstacles(known, answer, asked.dns_servers, machine.target_site)
        needing = drill_networks.needing(home, known, asks)
        return checks.Obstacles(obstacles=(*needing.obstacles, *found.obstacles)), known

    def create(self, ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(NetworkOptions).network
        if wanted == NO_NETWORK:
            return Skipped("the test machine is not connected, as asked")
        if wanted not in MADE:
            return Done(f"the existing network {wanted} is used", DrillNetwork(network=wanted))
        target = self._target(ctx)
        found = self._asked(ctx, target.machine)
        if found is None:
            return Done("no card of it is in a network that one could stand for", DrillNetwork(each={}))
        order, each = found
        answer = target.create_network(order)
        all_of_them = (order, *order.more)
        made = DrillNetwork(
            network=shared_drill_network.BETWEEN.join(network.name for network in all_of_them),
            made=True,
            shared=order.drill,
            leased=answer.facts.leased,
            each=each,
            subnets={network.name: network.serving.subnet for network in all_of_them if network.serving},
        )
        return Done(f"{answer.sentence}{self._stands_for(target.machine, each)}", made)

    def remove(self, ctx: StepContext) -> Outcome:
        target = self._target(ctx)
        is_made = ctx.arguments(NetworkOptions).network in MADE
        found = self._asked(ctx, target.machine) if is_made else None
        if found is None:
            return Skipped("no network was made")
        need = Need(
            target.to_remove_network(found[0]),
            lost="the test network is not removed there yet",
            later="it is removed there",
        )
        return declaration.undone_or_left(self._deps, target, need)

    def _asked(self, ctx: StepContext, machine: MachineRecord) -> Asked | None:
        """The order for the networks: one for all machines of a run, if the appliance can do that; always the
        same for the same drill. None: no network is needed."""
        asked, can = ctx.arguments(NetworkOptions), ctx.facts("check", checks.TargetCheckFact)
        run = shared_drill_network.run_of(ctx) if can.shares_networks else None
        with self._deps.store.reading() as tx:
            if asked.network == CREATE_EACH:
                found = drill_networks.network(tx, machine, run, can.stand_ins, asked.dns_servers)
                return found and (spanning.over_hosts(tx, found[0], asked.span, asked.network), found[1])
            network = shared_drill_network.network(machine, run)
            if asked.subnet is not None:
                network = shared_drill_network.served(tx, machine, network, asked.subnet, asked.dns_servers)
            return spanning.over_hosts(tx, network, asked.span, asked.network), None

    def _stands_for(self, machine: MachineRecord, each: dict[str, str] | None) -> str:
        if each is None:
            return ""
        with self._deps.store.reading() as tx:
            return drill_networks.said(drill_networks.of(tx, machine), each)


def _made(
    asked: NetworkOptions,
    machine: MachineRecord,
    run: str | None,
    home: Mapping[str, drill_networks.HomeNetwork],
) -> tuple[str, ...]:
    """Names of the networks that the machine's drill uses, whoever makes them."""
    if asked.network == CREATE_EACH:
        return drill_networks.names(machine, run, home)
    return (shared_drill_network.network(machine, run).name,) if asked.network in MADE else ()


@dataclass(frozen=True, slots=True)
class FormerCards:
    """What becomes of cards that only an older point has: `networks` that a person set for them, by MAC
    address; the network of all others; or, if each network of their home got one, which stands for which."""

    networks: dict[str, str | None]
    network: str | None
    mappings: dict[str, str] | None


def former_cards(tx: Transaction, machine: MachineRecord, made: DrillNetwork) -> FormerCards:
    """What becomes of these in the drill."""
    if made.each is None:
        known = {} if made.network is None else network_cards.set_networks_in_drill(tx, machine)
        return FormerCards(known, made.network, None)
    home = drill_networks.of(tx, machine)
    stand_ins = {
        each.name: made.each[mac] for mac, each in home.items() if mac in made.each and not each.vlans
    }
    return FormerCards(network_cards.set_networks_in_drill(tx, machine), None, stand_ins)


# Machines of one drill that run on several hosts, which cannot share a network: one is made for them at each
# host, and these do not reach each other.


def warnings(tx: Transaction, machines: Sequence[MachineRecord], network: str) -> tuple[str, ...]:
    """A part of a sentence, or nothing."""
    apart, reasons = spanning.reaching(tx, machines)
    if network not in MADE or len(apart) < 2:
        return ()
    parts = (f"{_listed(there)} at {_called(tx, there[0].target_appliance_id)}" for there in apart)
    return (
        f"the machines are drilled apart: {'; '.join((*parts, *reasons))}. Each host makes a network of its "
        "own, and machines of one do not reach those of the other. Or drill them in a network that the hosts "
        "share ('--network NAME'), or protect them to one host ('--target-appliance')",
    )


def _listed(machines: Sequence[MachineRecord]) -> str:
    return run_selection.listed(sorted(each.name for each in machines), ", ")


def _called(tx: Transaction, appliance_id: str) -> str:
    found = tx.appliances.find(appliance_id)
    return appliance_id if found is None else f"'{found.name}' of {found.site}"
