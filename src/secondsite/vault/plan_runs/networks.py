"""The networks of a plan's drill are there before its first step, if something is to be done before a group (S-251).

A person, or a script, can then put into them what the machines need, such as a copy of a directory server. The run uses them like a machine
of it: until its end, whatever becomes of its machines. They go with whoever leaves last (ADR 130).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ...domain import errors
from ...domain.drills.networks import CREATE_EACH, MADE
from ...domain.lifecycle import Verb
from ...domain.networks import addresses
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ...wire.common.machines import Serving
from ...wire.control import orders
from ...wire.control.orders import CreateNetwork, DrillNetwork
from .. import ports
from ..steps.deps import Deps
from ..steps.drills.networking import AskedNetwork
from ..steps.sides import drilling, standing_in
from ..steps.sides.giving_orders import Orders
from .arguments import PlanRunArguments, RunGroup


def are_first(verb: Verb, groups: Sequence[RunGroup]) -> bool:
    """Whether somebody, or a script, could need them before the machines that would make them."""
    networks = (
        {_asked(group).network for group in groups if group.children} if verb is Verb.TEST_FAILOVER else set()
    )
    return bool(networks & set(MADE)) and any(group.before for group in groups)


_Give = Callable[[str, CreateNetwork, str], str]


class RunNetworks:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._orders = Orders(deps)

    def make(self, run: PlanRunArguments) -> Iterator[Step]:
        if run.networks_first:
            made, gone = partial(self._create, run), partial(self._leave, run)
            yield Step("network", made, title="Create test network", undo=gone, undo_after_failure=True)

    def leave(self, run: PlanRunArguments) -> Iterator[Step]:
        if run.networks_first:
            yield Step("leave_network", partial(self._leave, run), title="Leave test network")

    def _create(self, run: PlanRunArguments, ctx: StepContext) -> Outcome:
        """Without them the drill goes on: each comes with its first machine."""

        def make(appliance_id: str, order: CreateNetwork, why: str) -> str:
            return self._orders.give(ctx, appliance_id, orders.CREATE_NETWORK, order, why=why).sentence

        return self._each(run, ctx, make, "making", "none is there before its first machine")

    def _leave(self, run: PlanRunArguments, ctx: StepContext) -> Outcome:
        def leave(appliance_id: str, order: CreateNetwork, why: str) -> str:
            return self._orders.give(ctx, appliance_id, orders.REMOVE_NETWORK, order, why=why).sentence

        return self._each(run, ctx, leave, "leaving", "{name} is not left")

    def _each(self, run: PlanRunArguments, ctx: StepContext, give: _Give, doing: str, missed: str) -> Outcome:
        said, partly = [], False
        for site, appliance_id, order in self._wanted(run, ctx):
            try:
                said.append(f"at {site}: {give(appliance_id, order, f'{doing} {order.name} at {site}')}")
            except errors.SecondsiteError as problem:
                told = missed.format(name=order.name)
                said.append(f"at {site} {told}: {problem.message} {problem.do}".rstrip())
                partly = True
        return Done("; ".join(said) or "no machine needs one", partial=partly)

    def _wanted(self, run: PlanRunArguments, ctx: StepContext) -> list[tuple[str, str, CreateNetwork]]:
        """By appliance that has machines of the run: its site, its id, and the order for it. The same whenever it is asked for."""
        asked = next(_asked(group) for group in run.groups if group.children)
        ids = [child.machine_id for group in run.groups for child in group.children]
        with self._deps.store.reading() as tx:
            by_appliance: dict[str, list[ports.MachineRecord]] = {}
            for machine in sorted(tx.machines.several(ids), key=lambda each: each.id):
                by_appliance.setdefault(machine.target_appliance_id, []).append(machine)
            found = [
                (there[0].target_site, appliance_id, _order(tx, asked, there, ctx.job_id))
                for appliance_id, there in sorted(by_appliance.items())
            ]
        return [(site, appliance_id, order) for site, appliance_id, order in found if order is not None]


def _asked(group: RunGroup) -> AskedNetwork:
    return AskedNetwork.model_validate(group.children[0].arguments.root)


def _order(
    tx: ports.Transaction, asked: AskedNetwork, machines: Sequence[ports.MachineRecord], run: str
) -> CreateNetwork | None:
    if asked.network == CREATE_EACH:
        each = {made.name: made for machine in machines for made in standing_in.unserved(tx, machine, run)}
        return _all_of(list(each.values()), run)
    network = drilling.network(machines[0], run)
    serving = None
    if asked.subnet is not None:
        named = addresses.inside(asked.dns_servers, asked.subnet)
        serving = Serving(subnet=asked.subnet, dns_servers=named)
    return _all_of([DrillNetwork(name=network.name, drill=network.drill, serving=serving)], run)


def _all_of(made: Sequence[DrillNetwork], run: str) -> CreateNetwork | None:
    if not made:
        return None
    return CreateNetwork(**dict(made[0]), more=tuple(made[1:]), run=run)
