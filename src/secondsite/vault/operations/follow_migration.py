"""Follow a live migration within a site: the appliance at whose host the machine runs now goes on with its
replication, from where the former one was. Nobody asks for it, and it is no verb of the lifecycle: it begins
when an appliance reports a machine that came, and the machine stays in its state.

A verb that takes the machine meanwhile goes first: no order of an earlier number is carried out, and the job
ends. If the former appliance does not answer, all blocks are compared, and it is told when it returns.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

from ...domain import errors
from ...domain.lifecycle import State
from ...ground.job_states import MOVING, JobState
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.outcomes import Commit, Done, Outcome
from ...jobs.model.views import JobView
from ...jobs.storage import read, search
from ...jobs.storage.database import Session
from ...wire.common.base import Shape
from ...wire.common.sync_mode import SyncMode
from ...wire.control import orders
from ...wire.control.orders import HandedOver
from ...wire.rest.jobs import OtherJobKind
from ..steps import replicating
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import Need
from ..steps.deps import Deps
from ..steps.retry_store import retrying
from ..steps.sides import side
from ..steps.sides.orders import Limits, Orders
from ..steps.sides.side import Ask
from ..steps.sides.source import Source
from ..steps.sides.target import Target
from ..store import MachineRecord, Transaction

FOLLOW = OtherJobKind.FOLLOW_MIGRATION.value
BY = "secondsite"
FOLLOWED_IN = frozenset({State.PROTECTED, State.INITIAL_REPLICATING})
"""States in which the machine is in production at its source, and no verb moves it."""
TOLD = Limits(deadline_seconds=60, reach_seconds=5)
"""Limits for the appliance that the machine has left: its host may be the one that died."""


class FollowArguments(Shape):
    """From which appliance to which one. `generation`: the machine's when the job was submitted."""

    former_id: str
    appliance_id: str
    generation: int


def submit(deps: Deps, tx: Transaction, machine: MachineRecord, appliance_id: str) -> str:
    """Queue the job in the caller's transaction; gives its id."""
    arguments = FollowArguments(
        former_id=machine.source_appliance_id, appliance_id=appliance_id, generation=machine.generation
    )
    return deps.submit(
        tx.session,
        FOLLOW,
        subject=machine.id,
        subject_name=machine.name,
        arguments=arguments,
        requested_by=BY,
    )


def is_under_way(tx: Transaction, machine_id: str) -> bool:
    return any(job.state in MOVING for job in search.of_subject(tx.session, machine_id, FOLLOW))


class _FollowedSource(Source):
    """Orders to an appliance of the source's site, with the number that the machine had when it was seen
    there."""

    def __init__(self, give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str) -> None:
        super().__init__(give, ctx, replace(machine, source_appliance_id=appliance_id))

    @property
    def generation(self) -> int | None:
        return self._ctx.arguments(FollowArguments).generation

    def to_hand_over(self) -> Ask[orders.FabricMachine, HandedOver]:
        payload = orders.FabricMachine(fabric_id=self.machine.source_fabric_id)
        why = f"ending the replication of {self.machine.name} where it ran before"
        return Ask(orders.HAND_OVER, payload, why, TOLD)


class _FollowedTarget(Target):
    """Orders to the target, with that number."""

    @property
    def generation(self) -> int | None:
        return self._ctx.arguments(FollowArguments).generation


class FollowMigration:
    """The steps of the job."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._give = Orders(deps)

    def definition(self) -> Definition:
        steps = (
            Step("hand_over", self._hand_over, title="End replication where it ran before"),
            Step("tell_target", self._tell_target, title="Tell the target"),
            Step("take_over", self._take_over, title="Go on where it runs"),
        )
        return Definition(FOLLOW, tuple(retrying(step) for step in steps))

    def _hand_over(self, ctx: StepContext) -> Outcome:
        """With its end the machine belongs to its new appliance: what any verb does from then on, it does
        there."""
        asked, machine = ctx.arguments(FollowArguments), self._machine(ctx)
        former = _FollowedSource(self._give, ctx, machine, asked.former_id)
        if asked.former_id == asked.appliance_id:
            return self._known_before(ctx)
        try:
            return former.ask(former.to_hand_over()).done(self._moves(ctx))
        except errors.ApplianceUnreachable:
            need = Need(
                former.to_hand_over(),
                lost="all blocks are compared",
                later="the appliance that the machine has left ends its part",
            )
            left = declaration.left_for_later(self._deps, former, need, outdated=True)
            return replace(left, commit=_both(left.commit, self._moves(ctx)))

    def _moves(self, ctx: StepContext) -> Commit:
        asked = ctx.arguments(FollowArguments)

        def move(tx: Transaction) -> None:
            machine = _required(tx, ctx, asked)
            tx.machines.put(replace(machine, source_appliance_id=asked.appliance_id))

        return self._deps.commit(move)

    def _known_before(self, ctx: StepContext) -> Outcome:
        """What an earlier job was told that failed before its end; else its appliance has lost its
        records."""
        with ctx.session() as session:
            jobs = search.of_subject(session, str(ctx.subject), FOLLOW)
            last = next((job for job in jobs if job.id != ctx.job_id), None)
            known = read.facts_of(session, last.id, "hand_over", HandedOver) if _has_failed(last) else None
        if known is None:
            return Done("its appliance has lost its records of it: all blocks are compared", HandedOver())
        return Done("known from the last try", known)

    def _tell_target(self, ctx: StepContext) -> Outcome:
        machine = self._machine(ctx)
        target = _FollowedTarget(self._give, ctx, machine)
        came_home = machine.target_fabric_id if machine.epoch > 1 else None
        with self._deps.store.reading() as tx:
            setup = side.replica_setup(tx, machine, existing_fabric_id=came_home)
        need = Need(
            Ask(orders.PREPARE_REPLICA, setup, f"telling {target.site} from where cycles come", TOLD),
            lost=f"{machine.name} is not replicated before it answers",
            later="it takes the cycles of the appliance that has the machine now",
        )
        try:
            return target.ask(need.asked).done()
        except errors.ApplianceUnreachable:
            return declaration.left_for_later(self._deps, target, need)

    def _take_over(self, ctx: StepContext) -> Outcome:
        asked, machine = ctx.arguments(FollowArguments), self._machine(ctx)
        source = _FollowedSource(self._give, ctx, machine, asked.appliance_id)
        setup = replicating.source_setup(self._deps, machine, SyncMode.COMPARE)
        payload = orders.TakeOver(setup=setup, before=ctx.facts("hand_over", HandedOver))
        why = f"going on with the replication of {machine.name} where it runs"
        return source.give(orders.TAKE_OVER, payload, why).done()

    def _machine(self, ctx: StepContext) -> MachineRecord:
        with self._deps.store.reading() as tx:
            return _required(tx, ctx, ctx.arguments(FollowArguments))


def _has_failed(job: JobView | None) -> TypeGuard[JobView]:
    return job is not None and job.state is JobState.FAILED


def _both(first: Commit | None, second: Commit) -> Commit:
    def commit(session: Session) -> None:
        if first is not None:
            first(session)
        second(session)

    return commit


def _required(tx: Transaction, ctx: StepContext, asked: FollowArguments) -> MachineRecord:
    """The machine; raises StaleOrder if a verb has taken it since it was seen at its new place."""
    machine = tx.machines.get(str(ctx.subject))
    if machine.generation != asked.generation or machine.state not in FOLLOWED_IN:
        raise errors.StaleOrder(
            f"{machine.name} is {machine.state} now: another verb has taken it since it was migrated.",
            do="Nothing: it is followed when that has ended, if it is still replicated from its site.",
        )
    return machine


def came(tx: Transaction, appliance_id: str, arrived: Mapping[str, str]) -> list[MachineRecord]:
    """The machines that have come to this appliance by live migration, of those that `arrived` there (fabric
    ids by machine id) and may be followed now."""
    appliance = tx.appliances.find(appliance_id)
    found = tx.machines.several(sorted(arrived))
    return [
        each
        for each in found
        if appliance is not None
        and appliance.site == each.source_site
        and arrived[each.id] == each.source_fabric_id
        and each.state in FOLLOWED_IN
        and not is_under_way(tx, each.id)
    ]
