"""The network that is made for a drill: one for all machines of a run (S-092), or a single machine's own."""

import hashlib
from collections.abc import Sequence

from ....domain import errors
from ....domain.networks import addresses, subnets
from ....jobs.model.context import StepContext
from ....jobs.storage import read
from ....wire.common.machines import ServedHost, Serving
from ....wire.control.checks import CheckedTarget, Obstacles, ObstacleShape
from ....wire.control.orders import CreateNetwork
from ... import ports
from . import cards
from .target import DRILL_RUN


def run_of(ctx: StepContext) -> str | None:
    """The job of all machines that this machine's job is below; None if it was started alone."""
    with ctx.session() as session:
        job = read.find(session, ctx.job_id)
    return job.parent_job_id if job is not None else None


def network(machine: ports.MachineRecord, run: str | None) -> CreateNetwork:
    """A Linux bridge's name has at most 15 characters."""
    if run is None:
        return CreateNetwork(name=f"ss-{machine.id[:12]}")
    return CreateNetwork(name=f"ss-{hashlib.sha256(run.encode()).hexdigest()[:12]}", drill=run)


def served(
    tx: ports.Transaction, machine: ports.MachineRecord, network: CreateNetwork, subnet: str
) -> CreateNetwork:
    """With addresses, and the machine's name for those of its cards that are on the network."""
    macs, name = cards.new_macs(tx, machine, DRILL_RUN), subnets.label(machine.name)
    wished = {mac: addresses.host(each) for mac, each in cards.wished(tx, machine).items()}
    on_it = [card for card in cards.in_drill(tx, machine, network.name) if card.network == network.name]
    homes = [card.mac.lower() for card in on_it if card.mac]
    # a name of other letters than DNS knows still is a machine that needs an address which nobody else gets
    hosts = tuple(
        ServedHost(name=name or f"vm-{mac.replace(':', '')}", mac=macs.get(mac, mac), address=wished.get(mac))
        for mac in homes
    )
    serving = Serving(subnet=subnet, hosts=hosts)
    return network.model_copy(update={"drill": network.drill or machine.id, "serving": serving})


def subnet(asked: str | None, *, made: bool) -> str | None:
    """As it is written everywhere. Raises InvalidArgument."""
    if asked is None:
        return None
    if not made:
        raise errors.InvalidArgument(
            "A subnet is for a network that is made for the test failover, not for one that is there.",
            do="Leave --subnet out, or use '--network create'.",
        )
    try:
        return subnets.usable(asked)
    except ValueError as problem:
        raise errors.InvalidArgument(
            f"'{asked}' is not a subnet for a test failover: {problem}.", do="Give one such as 10.9.0.0/24."
        ) from None


def too_old(target: CheckedTarget, machine: ports.MachineRecord) -> Obstacles:
    """An older appliance would make a network without addresses."""
    if target.shares_networks:
        return Obstacles()
    what = (
        f"The appliance at {machine.target_site} is of a release that gives no addresses in a test failover."
    )
    return Obstacles(obstacles=(ObstacleShape(what=what, do="Upgrade it, or leave --subnet out."),))


def mapped(tx: ports.Transaction, machine: ports.MachineRecord, networks: Sequence[str]) -> Obstacles:
    """A warning for each that failed-over machines are connected to."""
    known = {each.target_network for each in tx.networks.list(machine.source_site, machine.target_site)}
    return Obstacles(obstacles=tuple(_production(name) for name in networks if name in known))


def _production(network: str) -> ObstacleShape:
    what = f"The network '{network}' is the one that failed-over machines are connected to, as networks are mapped."
    do = "Use '--network create', or a network that only test failovers use."
    return ObstacleShape(what=what, do=do, blocking=False)


def network_of(drill: ports.DrillRecord) -> CreateNetwork:
    """That of a drill which is open."""
    return CreateNetwork(name=str(drill.network), drill=drill.shared)
