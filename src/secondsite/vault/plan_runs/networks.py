"""The networks of a plan's drill are made before its first step, if something has to be done before a group
(S-251).

A person, or a script, can then put into them what the machines need, such as a copy of a directory server.
The run counts as one of their users until its end, whatever becomes of its machines. The networks are removed
when their last user leaves (ADR 130).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ...domain import errors
from ...domain.drills.networks import CREATE_EACH, MADE
from ...domain.lifecycle import Verb
from ...domain.networks import addresses
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.facts import to_json
from ...jobs.model.outcomes import Done, Outcome
from ...jobs.storage.database import Session
from ...wire.common.base import Shape
from ...wire.common.machines import NetworkService
from ...wire.control import orders
from ...wire.control.orders import CreateNetwork, DrillNetwork
from ..steps.absent_site import finish_later
from ..steps.absent_site.finish_later import LaterArguments
from ..steps.deps import Deps
from ..steps.drills import spanning
from ..steps.drills.networking import NetworkOptions
from ..steps.sides import drill_networks, shared_drill_network
from ..steps.sides.orders import Orders
from ..store import MachineRecord, Transaction
from .arguments import PlanRunArguments, RunGroup

NETWORK = "network"
"""The key of the step that makes the networks."""
AWAY = (errors.ApplianceUnreachable, errors.DeadlineExceeded)


def are_first(verb: Verb, groups: Sequence[RunGroup]) -> bool:
    """Whether a person, or a script, could need them before the machines that would make them."""
    networks = (
        {_asked(group).network for group in groups if group.children} if verb is Verb.TEST_FAILOVER else set()
    )
    return bool(networks & set(MADE)) and any(group.before for group in groups)


class NetworkEntry(Shape):
    """The networks at one appliance, and a machine of the run that is there."""

    site: str
    appliance_id: str
    machine_id: str
    machine_name: str
    order: CreateNetwork


class NetworkEntries(Shape):
    """The networks that the run uses, recorded before the first order: at the end of the run its machines may
    be elsewhere, or no longer protected. None: an older vault did not record them."""

    networks: tuple[NetworkEntry, ...] | None = None


_Give = Callable[[NetworkEntry, str], str]
_Missed = Callable[[NetworkEntry, errors.SecondsiteError], str]


class RunNetworks:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._orders = Orders(deps)

    def make(self, run: PlanRunArguments) -> Iterator[Step]:
        if run.networks_first:
            made, gone = partial(self._create, run), partial(self._leave, run)
            yield Step(NETWORK, made, title="Create test network", undo=gone, undo_after_failure=True)

    def leave(self, run: PlanRunArguments) -> Iterator[Step]:
        if run.networks_first:
            yield Step("leave_network", partial(self._leave, run), title="Leave test network")

    def _create(self, run: PlanRunArguments, ctx: StepContext) -> Outcome:
        """Make the networks. If that fails the drill goes on: each network is then made with its first
        machine."""
        entered = ctx.remembered(NetworkEntries)
        if entered is None:
            entered = NetworkEntries(networks=self._wanted(run, ctx))
            ctx.remember(entered)

        def make(each: NetworkEntry, why: str) -> str:
            return self._orders.give(
                ctx, each.appliance_id, orders.CREATE_NETWORK, each.order, why=why
            ).sentence

        def missed(_each: NetworkEntry, problem: errors.SecondsiteError) -> str:
            return f"none is there before its first machine: {problem.message} {problem.do}"

        return _done(entered.networks or (), make, "making", missed)

    def _leave(self, run: PlanRunArguments, ctx: StepContext) -> Outcome:
        """Leave the networks of the run, whatever its machines are by now. A site that is not connected is
        told when it returns."""
        entered, later = ctx.facts(NETWORK, NetworkEntries).networks, list[NetworkEntry]()

        def leave(each: NetworkEntry, why: str) -> str:
            return self._orders.give(
                ctx, each.appliance_id, orders.REMOVE_NETWORK, each.order, why=why
            ).sentence

        def missed(each: NetworkEntry, problem: errors.SecondsiteError) -> str:
            if not isinstance(problem, AWAY):
                return f"{each.order.name} is not left: {problem.message} {problem.do}"
            later.append(each)
            return f"{each.order.name} is left within 30 days, once the site returns: {problem.message}"

        networks = self._wanted(run, ctx) if entered is None else entered
        return replace(_done(networks, leave, "leaving", missed), commit=partial(self._left, later))

    def _left(self, later: Sequence[NetworkEntry], session: Session) -> None:
        for each in later:
            finish_later.queue(self._deps, session, _later(each), each.machine_id, each.machine_name)

    def _wanted(self, run: PlanRunArguments, ctx: StepContext) -> tuple[NetworkEntry, ...]:
        """The networks by appliance, for the present machines of the run."""
        asked = {
            child.machine_id: NetworkOptions.model_validate(child.arguments.root)
            for group in run.groups
            for child in group.children
        }
        with self._deps.store.reading() as tx:
            by_appliance: dict[str, list[MachineRecord]] = {}
            for machine in sorted(tx.machines.several(list(asked)), key=lambda each: each.id):
                by_appliance.setdefault(machine.target_appliance_id, []).append(machine)
            found = [
                (there, _order(tx, asked[there[0].id], there, ctx.job_id))
                for _, there in sorted(by_appliance.items())
            ]
        return tuple(_entered(there[0], order) for there, order in found if order is not None)


def _done(networks: Sequence[NetworkEntry], give: _Give, doing: str, missed: _Missed) -> Done:
    said, partly = [], False
    for each in networks:
        try:
            said.append(f"at {each.site}: {give(each, f'{doing} {each.order.name} at {each.site}')}")
        except errors.SecondsiteError as problem:
            said.append(f"at {each.site} {missed(each, problem)}".rstrip())
            partly = True
    return Done("; ".join(said) or "no machine needs one", partial=partly)


def _entered(machine: MachineRecord, order: CreateNetwork) -> NetworkEntry:
    return NetworkEntry(
        site=machine.target_site,
        appliance_id=machine.target_appliance_id,
        machine_id=machine.id,
        machine_name=machine.name,
        order=order,
    )


def _later(left: NetworkEntry) -> LaterArguments:
    return LaterArguments(
        appliance_id=left.appliance_id,
        site=left.site,
        kind=orders.REMOVE_NETWORK.kind,
        payload=to_json(left.order),
        generation=None,
        why=f"the run of the plan leaves the network {left.order.name} there",
        of_machine=False,
    )


def _asked(group: RunGroup) -> NetworkOptions:
    return NetworkOptions.model_validate(group.children[0].arguments.root)


def _order(
    tx: Transaction, asked: NetworkOptions, machines: Sequence[MachineRecord], run: str
) -> CreateNetwork | None:
    if asked.network == CREATE_EACH:
        each = {made.name: made for machine in machines for made in drill_networks.unserved(tx, machine, run)}
        return _all_of(tx, asked, list(each.values()), run)
    network = shared_drill_network.network(machines[0], run)
    serving = None
    if asked.subnet is not None:
        named = addresses.inside(asked.dns_servers, asked.subnet)
        serving = NetworkService(subnet=asked.subnet, dns_servers=named)
    return _all_of(tx, asked, [DrillNetwork(name=network.name, drill=network.drill, serving=serving)], run)


def _all_of(
    tx: Transaction, asked: NetworkOptions, made: Sequence[DrillNetwork], run: str
) -> CreateNetwork | None:
    if not made:
        return None
    order = CreateNetwork(**dict(made[0]), more=tuple(made[1:]), run=run)
    return spanning.over_hosts(tx, order, asked.span, asked.network)
