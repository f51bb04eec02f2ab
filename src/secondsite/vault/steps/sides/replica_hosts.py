"""Which other hosts of its site can take a machine's replica over, and that one of them does.

A host can whose appliance uses the store, or has proven that it reaches it: it has read a token that lies
there while that token's appliance held it (wire.common.hosts)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ....domain import errors, placement
from ....domain.placement import PlacementHost
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Done, Outcome, Wait
from ....wire.common.base import Shape
from ....wire.control import orders
from ....wire.control.orders import OrderKind, TakenReplica
from ...interfaces import Gateway
from ...store import ApplianceRecord, MachineRecord, Transaction
from .. import lookup
from . import hosts
from .orders import USUAL, Answer, Limits, Orders
from .side import F, P, policy_shape, store_tokens, to_take_replica
from .source import Source
from .target import ASKED_SECONDS, TAKE, Target

PASSING = Limits(deadline_seconds=30, reach_seconds=2)
GONE_SECONDS = 5.0
"""How long a host may be away that another one can replace: its appliance may just be starting again."""


def others(gateway: Gateway, tx: Transaction, machine: MachineRecord) -> Sequence[PlacementHost]:
    """The other hosts of its site that reach its replica, with all that is placed there."""
    able = _able(tx, machine)
    return hosts.with_their_machines(gateway, tx, machine.target_site, able) if able else ()


def is_reached(tx: Transaction, machine: MachineRecord) -> bool:
    """Whether another host reaches its replica."""
    return bool(_able(tx, machine))


def _able(tx: Transaction, machine: MachineRecord) -> Sequence[ApplianceRecord]:
    known = store_tokens(tx, machine)
    return [
        each
        for each in tx.appliances.list(machine.target_site)
        if each.id != machine.target_appliance_id and each.capacity and each.capacity.reaches(known)
    ]


def choose(
    gateway: Gateway, tx: Transaction, machine: MachineRecord, name: str | None = None
) -> PlacementHost:
    """The host that takes the replica over, the named one if one is, whose memory is not judged. Raises
    NotPossibleNow, NotFound."""
    there = others(gateway, tx, machine)
    if name is not None:
        at = lookup.appliance_named(tx, machine.target_site, name)
        there, name = [each.not_judged() for each in there if each.id == at.id], at.name
    if not there:
        whom = f"Appliance '{name}' does not reach" if name else "No other appliance of the site reaches"
        raise errors.NotPossibleNow(
            f"{whom} the store of the replica of {machine.name}.",
            do="Keep replicas in stores that lie side by side on a file system which the site's hosts share; "
            "'secondsite appliance show APPLIANCE' says whose stores one reaches, half a minute after both "
            "have started.",
        )
    if name is not None:
        return placement.choose(hosts.as_placed(tx, [machine])[0], there)
    return _with_its_neighbours(tx, machine, there)


def _with_its_neighbours(
    tx: Transaction, machine: MachineRecord, there: Sequence[PlacementHost]
) -> PlacementHost:
    """The host for the machine, as if all that have their replicas where it has its own were to go: they go
    at the same time, and each is placed without knowing of the others."""
    leaving = [
        each
        for each in tx.machines.list(machine.target_site)
        if each.target_appliance_id == machine.target_appliance_id
    ]
    placed = hosts.as_placed(tx, leaving)
    number = [each.id for each in leaving].index(machine.id)
    try:
        return placement.choose_all(placed, there)[number]
    except errors.NotPossibleNow:
        return placement.choose(placed[number], there)


def take(
    give: Orders,
    ctx: StepContext,
    machine: MachineRecord,
    host: PlacementHost,
    *,
    accepting: bool,
    begun: bool = False,
) -> Answer[TakenReplica]:
    """Have that host's appliance take the replica over; it is the machine's target from then on. Raises
    Wait, and what the appliance says."""
    with give.deps.store.reading() as tx:
        payload = to_take_replica(tx, machine, accepting=accepting, begun=begun, wait_seconds=ASKED_SECONDS)
    new = Target(give, ctx, replace(machine, target_appliance_id=host.id))
    answer = new.give(orders.TAKE_REPLICA, payload, f"'{host.name}' takes over the replica", TAKE)
    signs = answer.facts.tokens or payload.tokens
    ctx.write(give.deps.commit(lambda tx: _put(tx, machine, host.id, signs)))
    return answer


def _put(tx: Transaction, machine: MachineRecord, appliance_id: str, signs: tuple[str, ...]) -> None:
    now = tx.machines.get(machine.id)
    if now.target_appliance_id == machine.target_appliance_id:
        kept = {now.target_site: now.kept.model_copy(update={"signs": signs})}
        tx.machines.put(replace(now, target_appliance_id=appliance_id, keeping={**now.keeping, **kept}))


class HostArguments(Shape):
    """The host at which a machine is to start, by its appliance's id; None: where its replica is."""

    host_id: str | None = None


def named(gateway: Gateway, tx: Transaction, machine: MachineRecord, name: str | None) -> str | None:
    """The appliance at whose host the machine is to start, by its id. Raises as `choose`."""
    if name is None:
        return None
    at = lookup.appliance_named(tx, machine.target_site, name)
    return at.id if at.id == machine.target_appliance_id else choose(gateway, tx, machine, at.id).id


def as_if_there(
    tx: Transaction, machines: Sequence[MachineRecord], name: str | None
) -> Sequence[MachineRecord]:
    """The machines as they are once that host has their replicas. Raises NotFound."""
    if name is None:
        return machines
    return [
        replace(each, target_appliance_id=lookup.appliance_named(tx, each.target_site, name).id)
        for each in machines
    ]


def go_to_named(give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """Have the host that was named take the replica over, before anything else. Raises as `choose` and
    `take`."""
    host_id = ctx.arguments(HostArguments).host_id
    if host_id in (None, machine.target_appliance_id):
        return
    host = asked(give, ctx, machine, host_id)
    answer = take(give, ctx, machine, host, accepting=True)
    ctx.remember(Moved(moved=f"Appliance '{host.name}' has its replica now: {answer.sentence}."))


def tell_source(of: Source) -> str:
    """Tell the source where the replica is now; a sentence. One that does not answer is told once it
    does."""
    machine = of.machine
    with of.deps.store.reading() as tx:
        now = orders.UpdatePolicy(
            policy=policy_shape(tx, machine.policy),
            target_appliance_id=machine.target_appliance_id,
            target_addresses=lookup.data_addresses(tx, machine.target_appliance_id),
        )
    why = f"telling {machine.source_site} where the replica is"
    try:
        of.give(orders.UPDATE_POLICY, now, why, PASSING)
    except (errors.ApplianceUnreachable, errors.DeadlineExceeded):
        return f"{machine.source_site} is told once it answers"
    return f"{machine.name} is replicated to its new host from now on"


class Moved(Shape):
    """A fact of a step in which another host took a replica over: what is said of that."""

    moved: str = ""


def has_moved(ctx: StepContext) -> bool:
    """Whether another host took the replica over in this step."""
    known = ctx.remembered(Moved)
    return known is not None and bool(known.moved)


def told(step: Callable[[StepContext], Outcome]) -> Callable[[StepContext], Outcome]:
    """The step, whose sentence begins with what is said of a move of the replica, if there was one."""

    def run(ctx: StepContext) -> Outcome:
        outcome, known = step(ctx), ctx.remembered(Moved)
        if not isinstance(outcome, Done) or known is None or not known.moved:
            return outcome
        return replace(outcome, sentence=f"{known.moved} {outcome.sentence}")

    return run


class ChosenHost(Shape):
    """A fact of a step: the host that was asked to take the replica over from `former_id`. It is asked again,
    and no other while it is there: it may have done so, and its answer may be on its way."""

    host_id: str = ""
    former_id: str = ""


def asked(
    give: Orders, ctx: StepContext, machine: MachineRecord, host_id: str | None = None
) -> PlacementHost:
    """The host that this step asks to take the replica over: the one of this id, or one of its choice. It is
    judged before it is asked for the first time, and no more: drained since, or with a machine from which
    this one is kept apart, it may have taken it already. Raises as `choose`."""
    known = ctx.remembered(ChosenHost) or ChosenHost()
    again = known.former_id == machine.target_appliance_id and host_id in (None, known.host_id)
    with give.deps.store.reading() as tx:
        at = tx.appliances.find(known.host_id) if again else None
        if at is not None and (host_id is not None or give.deps.gateway.is_connected(at.id)):
            return PlacementHost(at.id, at.name)
        host = choose(give.deps.gateway, tx, machine, host_id)
    ctx.remember(ChosenHost(host_id=host.id, former_id=machine.target_appliance_id))
    return host


class MovingTarget(Target):
    """The target of a machine, whose replica is taken over by another host if its own does not answer: then
    the step is run again, with that one. `accepting`: whether the replica takes cycles there."""

    def __init__(self, give: Orders, ctx: StepContext, machine: MachineRecord, *, accepting: bool) -> None:
        super().__init__(give, ctx, machine)
        self._accepting = accepting

    def give(
        self, order: OrderKind[P, F], payload: P, why: str, limits: Limits = USUAL, *, again: bool = False
    ) -> Answer[F]:
        if self._orders.deps.gateway.is_connected(self.appliance_id) or not self._is_replaceable():
            return super().give(order, payload, why, limits, again=again)
        quick = replace(limits, reach_seconds=min(limits.reach_seconds, GONE_SECONDS))
        try:
            return super().give(order, payload, why, quick, again=again)
        except errors.ApplianceUnreachable as away:
            refused = self._refusal(away)
        try:  # its appliance may only be starting again
            return super().give(order, payload, why, limits, again=again)
        except errors.ApplianceUnreachable as away:
            raise errors.ApplianceUnreachable(
                f"{away.message} No other host takes its place: {refused.message}", do=refused.do
            ) from refused

    def require_reachable(self, within_seconds: float) -> None:
        """For a step that waits for the source, which needs this side. Raises Wait once another host has
        taken the replica over, and ApplianceUnreachable."""
        gone_seconds = GONE_SECONDS if self._is_replaceable() else within_seconds
        try:
            self._orders.require_reachable(self._ctx, self.appliance_id, gone_seconds)
        except errors.ApplianceUnreachable as away:
            refused = self._refusal(away)
            try:
                self._orders.require_reachable(self._ctx, self.appliance_id, within_seconds)
            except errors.ApplianceUnreachable:
                raise away from refused

    def _is_replaceable(self) -> bool:
        with self._orders.deps.store.reading() as tx:
            return bool(_able(tx, self.machine))

    def _refusal(self, away: errors.ApplianceUnreachable) -> errors.SecondsiteError:
        """Why no other host takes it over; raises Wait once one has."""
        try:
            self._move(asked(self._orders, self._ctx, self.machine), away)
        except errors.SecondsiteError as problem:
            return problem
        return away

    def _move(self, host: PlacementHost, away: errors.ApplianceUnreachable) -> None:
        """Raises Wait once the host has taken it over."""
        machine = self.machine
        answer = take(
            self._orders, self._ctx, machine, host, accepting=self._accepting, begun=machine.start_ordered
        )
        said = f"{away.message} Appliance '{host.name}' goes on in its place: {answer.sentence}."
        self._ctx.remember(Moved(moved=said))
        raise Wait(f"replica/{machine.id}", self._ctx.waited_seconds + 60, said, poll_seconds=0.1)


@dataclass(frozen=True, slots=True)
class PreviewedHosts:
    """Where a machine would start now, and which other hosts could take its replica over, by the names of
    their appliances. `host` is None if its own does not answer, and no other reaches its store."""

    host: str | None
    others: tuple[str, ...] = ()


def previewed(
    gateway: Gateway, tx: Transaction, machines: Sequence[MachineRecord]
) -> Mapping[str, PreviewedHosts]:
    """The hosts of these machines, by their ids."""
    found: dict[str, PreviewedHosts] = {}
    by_store: dict[tuple[str, tuple[str, ...]], list[MachineRecord]] = {}
    for each in machines:
        by_store.setdefault((each.target_appliance_id, store_tokens(tx, each)), []).append(each)
    for (appliance_id, _), group in by_store.items():
        at, there = tx.appliances.find(appliance_id), others(gateway, tx, group[0])
        for machine, wanted in zip(group, hosts.as_placed(tx, group), strict=True):
            fitting = tuple(each.name for each in there if placement.shortage(wanted, each) is None)
            if at is not None and gateway.is_connected(appliance_id):
                found[machine.id] = PreviewedHosts(at.name, fitting)
            else:
                chosen = _with_its_neighbours(tx, machine, there).name if fitting else None
                rest = tuple(each for each in fitting if each != chosen)
                found[machine.id] = PreviewedHosts(chosen, rest)
    return found
