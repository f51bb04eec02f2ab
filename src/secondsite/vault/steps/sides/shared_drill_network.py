"""The network that is made for a drill: one for all machines of a run (S-092), or a single machine's own."""

import hashlib
from collections.abc import Sequence

from ....domain.networks import addresses, subnets
from ....jobs.model.context import StepContext
from ....jobs.storage import read
from ....wire.common.machines import NetworkService, ServedHost
from ....wire.control.cards import LocalCard
from ....wire.control.checks import Obstacles, ObstacleShape, TargetCheckFact
from ....wire.control.orders import CreateNetwork, DrillNetwork
from ...store import DrillRecord, MachineRecord, Transaction
from . import network_cards, pool_addresses
from .target import DRILL_RUN

BETWEEN = ", "
"""The separator between the names of several networks."""


def run_of(ctx: StepContext) -> str | None:
    """The id of the job of all machines above this machine's job; None if it was started alone."""
    with ctx.session() as session:
        job = read.find(session, ctx.job_id)
    return job.parent_job_id if job is not None else None


def network(machine: MachineRecord, run: str | None) -> CreateNetwork:
    """The order for the network. A Linux bridge's name has at most 15 characters."""
    if run is None:
        return CreateNetwork(name=f"ss-{machine.id[:12]}")
    return CreateNetwork(name=f"ss-{hashlib.sha256(run.encode()).hexdigest()[:12]}", drill=run)


def served(
    tx: Transaction,
    machine: MachineRecord,
    network: CreateNetwork,
    subnet: str,
    dns_servers: Sequence[str] = (),
) -> CreateNetwork:
    """The order with addresses, and the machine's name for those of its cards that are on the network."""
    on_it = [
        card for card in network_cards.in_drill(tx, machine, network.name) if card.network == network.name
    ]
    offered = serving(tx, machine, on_it, subnet, dns_servers)
    return network.model_copy(update={"drill": network.drill or machine.id, "serving": offered})


def serving(
    tx: Transaction,
    machine: MachineRecord,
    on_it: Sequence[LocalCard],
    subnet: str,
    dns_servers: Sequence[str],
    ranges: Sequence[str] = (),
) -> NetworkService:
    """What the network serves for these cards of the machine."""
    macs, name = network_cards.new_macs(tx, machine, DRILL_RUN), subnets.label(machine.name)
    of_pools = {mac: each.address for mac, each in pool_addresses.expected(tx, machine).items()}
    wished = {
        mac: addresses.host(each) for mac, each in {**of_pools, **network_cards.wished(tx, machine)}.items()
    }
    homes = [card.mac.lower() for card in on_it if card.mac]
    # a machine whose name DNS cannot have still needs an address of its own
    hosts = tuple(
        ServedHost(name=name or f"vm-{mac.replace(':', '')}", mac=macs.get(mac, mac), address=wished.get(mac))
        for mac in homes
    )
    named = addresses.inside(dns_servers, subnet)
    return NetworkService(subnet=subnet, hosts=hosts, dns_servers=named, ranges=tuple(ranges))


def too_old(
    target: TargetCheckFact, machine: MachineRecord, *, serves: bool, names_servers: bool, several: bool
) -> Obstacles:
    """Obstacles of an older appliance, which would make one network only, without addresses or without naming
    the servers."""
    site = machine.target_site
    found = [
        (
            several and not target.makes_several,
            "makes one network for a test failover",
            "use '--network create'",
        ),
        (
            serves and not target.shares_networks,
            "gives no addresses in a test failover",
            "leave --subnet out",
        ),
        (names_servers and not target.makes_several, "names no DNS server", "leave --dns-server out"),
    ]
    return Obstacles(
        obstacles=tuple(
            ObstacleShape(
                what=f"The appliance at {site} is of a release that {what}.", do=f"Upgrade it, or {instead}."
            )
            for applies, what, instead in found
            if applies
        )
    )


def mapped(tx: Transaction, machine: MachineRecord, networks: Sequence[str]) -> Obstacles:
    """A warning for each network that failed-over machines are connected to, or this machine, by its settings
    or at home."""
    known = {each.target_network for each in tx.networks.list(machine.source_site, machine.target_site)}
    known |= {card.network for card in network_cards.at_target(tx, machine) if card.network is not None}
    return Obstacles(obstacles=tuple(_production(name) for name in networks if name in known))


def _production(network: str) -> ObstacleShape:
    what = (
        f"The network '{network}' is the one that failed-over machines are connected to, as networks are "
        "mapped."
    )
    do = "Use '--network create', or a network that only test failovers use."
    return ObstacleShape(what=what, do=do, blocking=False)


def network_of(drill: DrillRecord) -> CreateNetwork:
    """The network or networks of an open drill: none of their names has a comma."""
    first, *more = str(drill.network).split(BETWEEN)
    others = tuple(DrillNetwork(name=name, drill=drill.shared) for name in more)
    return CreateNetwork(name=first, drill=drill.shared, more=others)
