"""Failback of a machine whose data was not synchronized before: one job reprotects the committed machine and
moves it home, or to the other place that was named (S-221 to S-228).

    before   it is reprotected while it runs; then the job waits for a person, while replication goes on,
             and moves it
    during   it is shut down first, everything is sent to new disks without comparing, and it is moved

Each part is a verb's own job, so the lifecycle, cancel and undo are theirs. A disk that is half written is no
recovery point, and no verb starts a machine from it; a machine that was shut down in vain runs again where it
ran.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pydantic import JsonValue

from ...domain import errors, verb_choices
from ...domain.lifecycle import DrillState, State, Verb
from ...domain.plans import one_way
from ...domain.plans.directions import Direction
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...jobs.model.asking import Question
from ...jobs.model.context import Child, StepContext, StepFunction
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.failures import StepFailed
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...jobs.storage import read
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.control import orders
from ...wire.rest.verbs import Location, PlannedFailoverOptions
from ..operations.interface import Operation
from ..steps import authority, batch
from ..steps.deps import Deps
from ..steps.operation import MachineOperation
from ..steps.retry_store import retrying
from ..steps.reversal import alternate_location
from ..steps.sides import runs_nowhere
from ..steps.sides.orders import Limits, Orders
from ..steps.sides.source import PATIENT_REACH_SECONDS, Source
from ..steps.sides.target import Target
from ..store import MachineRecord, Transaction

FAILBACK = "failback"
COMPLETE = "complete"
"""The answer of a person when the machine may be moved."""
WAITS = frozenset(
    {
        (0, State.COMMITTED),
        (0, State.REPROTECTING),
        (0, State.DISABLING),
        (0, State.DISABLE_FAILED),
        (1, State.PROTECTED),
    }
)
"""How many epochs later, and in which state, a machine that was shut down has to be started again where it
ran, because no job of its own would start it. In the same state of any other epoch it may run at the other
site."""
LOCATIONS: Mapping[DataSync, Location] = {
    DataSync.BEFORE: Location.ORIGINAL,
    DataSync.DURING: Location.ALTERNATE,
}
"""Where the data goes unless it is said; without comparing nothing is known of the old disks, so everything
goes to new ones."""


class FailbackArguments(Shape):
    """The arguments. `epoch` and `asked_at` are those of the machine when the job was submitted: if somebody
    acts on the machine later, this job ends. `verb` is what a person asked for: the job is shown as it, and
    evidence is kept."""

    verb: Verb = Verb.PLANNED_FAILOVER
    machine_id: str
    name: str
    data_sync: DataSync
    choice: RecoveryPointChoice = RecoveryPointChoice.LATEST
    at_most_down_seconds: float | None = None
    location: Location | None = None
    target_appliance: str | None = None
    store: str | None = None
    epoch: int
    asked_at: int

    def reprotect(self) -> rest.Reprotect:
        """The request of its reprotect. An older vault did not record a location."""
        return rest.Reprotect(
            machines=(self.machine_id,),
            location=self.location or LOCATIONS[self.data_sync],
            target_appliance=self.target_appliance,
            store=self.store,
        )


class WentDown(Shape):
    """The machine that this job shuts down, recorded before it does, with the order's number and the
    `attempt` of the job. None: none."""

    appliance_id: str | None = None
    site: str = ""
    fabric_id: str = ""
    attempt: int = 0
    generation: int = 0


def submit(deps: Deps, tx: Transaction, request: rest.PlannedFailover, requested_by: str) -> rest.JobAccepted:
    """Start one job for one machine. Raises NotPossibleNow, NotFound or InvalidArgument before anything is
    written."""
    assert request.data_sync is not None
    machine = _only(tx, request.machines)
    _require(machine, request.data_sync, request)
    wanted = arguments(tx, machine, request.data_sync, request)
    _require_way(tx, machine, wanted, request)
    job_id = deps.submit(
        tx.session,
        FAILBACK,
        subject=machine.id,
        subject_name=machine.name,
        arguments=wanted,
        requested_by=requested_by,
    )
    return rest.JobAccepted(job_id=job_id)


def arguments(
    tx: Transaction, machine: MachineRecord, sync: DataSync, asked: PlannedFailoverOptions
) -> FailbackArguments:
    """The arguments of the job for the machine as it is now."""
    return FailbackArguments(
        machine_id=machine.id, name=machine.name, data_sync=sync, choice=asked.choice,
        at_most_down_seconds=asked.at_most_down_seconds, location=asked.location,
        target_appliance=asked.target_appliance, store=asked.store, epoch=machine.epoch,
        asked_at=authority.highest(tx, machine),
    )  # fmt: skip


def _only(tx: Transaction, names: Sequence[str]) -> MachineRecord:
    if len(set(names)) != 1:
        raise errors.InvalidArgument(
            "A failback that synchronizes by itself is for one machine.",
            do="Start one for each; or reprotect them, then fail them back together.",
        )
    found = tx.machines.find_all(names).get(names[0])
    if found is None:
        raise errors.NotFound.named("machine", names[0])
    return found


def _require(machine: MachineRecord, sync: DataSync, asked: rest.PlannedFailover) -> None:
    if machine.state is not State.COMMITTED or machine.drill_state is not DrillState.NONE:
        raise errors.NotPossibleNow(
            (
                f"{machine.name} is {machine.state}: a data synchronization is for a machine that was "
                "committed and not reprotected."
            ),
            do="A protected machine fails back without it: its data is synchronized already.",
        )
    if sync is DataSync.DURING and asked.location is Location.ORIGINAL:
        raise errors.InvalidArgument(
            "With the data synchronization 'during' nothing is compared, so everything goes to new disks.",
            do="Leave --location out, or synchronize before the failover: '--data-sync before'.",
        )
    if sync is DataSync.DURING and asked.at_most_down_seconds is not None:
        raise errors.InvalidArgument(
            (
                "With the data synchronization 'during' the machine is down while everything is sent: there "
                "is no budget for that."
            ),
            do="Leave --at-most-down out, or synchronize before the failover.",
        )
    if sync is DataSync.DURING and asked.choice is not RecoveryPointChoice.LATEST:
        raise errors.InvalidArgument(
            "With the data synchronization 'during' only the last state can be chosen.",
            do="Leave the choice out, or synchronize before the failover.",
        )


def _require_way(
    tx: Transaction, machine: MachineRecord, wanted: FailbackArguments, asked: rest.PlannedFailover
) -> None:
    """Raises as a reprotect would for that place, and as a planned failover for that way."""
    goes = as_it_goes(tx, machine, wanted.reprotect())
    way = Direction.HOME if goes.reversed else Direction.AWAY
    one_way.others([(machine.name, way)], asked.direction)
    verb_choices.refuse_planned(asked.choice, machine.name, comes_home=goes.reversed)


def as_it_goes(tx: Transaction, machine: MachineRecord, request: rest.Reprotect) -> MachineRecord:
    """The machine in the roles in which it is moved. Raises as its reprotect would."""
    return alternate_location.turned(tx, machine, alternate_location.asked(tx, request, machine))


def definition(deps: Deps, operations: Mapping[Verb, Operation]) -> Definition:
    """The definition of the job; `operations` are the verbs of machines."""
    return Definition(FAILBACK, undo_on_failure=True, steps_of=_Failback(deps, operations).steps)


class _Failback:
    """The steps of the job, and what they do."""

    def __init__(self, deps: Deps, operations: Mapping[Verb, Operation]) -> None:
        self._deps = deps
        self._operations = operations
        self._orders = Orders(deps)

    def steps(self, arguments: Json) -> list[Step]:
        return [retrying(each) for each in self._steps(FailbackArguments.model_validate(arguments).data_sync)]

    def _steps(self, sync: DataSync) -> Iterator[Step]:
        yield Step("check", self._check, title="Prerequisites check")
        if sync is DataSync.DURING:
            yield Step(
                "shut_down",
                self._shut_down,
                title="Shut down",
                undo=self._start_again,
                undo_after_failure=True,
            )
        yield _with_job("synchronize", self._reprotect, "Synchronize")
        if sync is DataSync.BEFORE:
            yield Step("complete", self._ask, title="Complete failover")
        yield _with_job("move", self._move, "Failover")

    def _check(self, ctx: StepContext) -> Outcome:
        machine, wanted = self._machine(ctx), ctx.arguments(FailbackArguments)
        with self._deps.store.reading() as tx:
            goes = as_it_goes(tx, machine, wanted.reprotect())
        for site, appliance in (
            (goes.target_site, goes.target_appliance_id),
            (machine.target_site, machine.target_appliance_id),
        ):
            if not self._deps.gateway.is_connected(appliance):
                raise errors.PrerequisiteFailed(
                    f"The appliance of site {site} is not connected, so {wanted.name} cannot "
                    f"{'come home' if goes.reversed else f'go to {goes.target_site}'}.",
                    do="Start it, then start the failback again.",
                )
        if self._deps.gateway.is_connected(machine.source_appliance_id):
            self._require_target_serves(ctx, machine, stays_on=wanted.data_sync is DataSync.BEFORE)
        return Done(f"both sites answer; {_plan_of(goes, wanted)}")

    def _require_target_serves(self, ctx: StepContext, machine: MachineRecord, *, stays_on: bool) -> None:
        old, target = Source(self._orders, ctx, machine), Target(self._orders, ctx, machine)
        runs_nowhere.require_target_serves("The failback", target, old.power().facts.power, stays_on=stays_on)

    def _shut_down(self, ctx: StepContext) -> Outcome:
        down, machine = ctx.remembered(WentDown), self._unchanged(ctx)
        if down is None or down.attempt != ctx.attempt:
            self._take(ctx, machine)
            machine = self._unchanged(ctx)
            down = _goes_down(ctx, machine)
            ctx.remember(down)
        source = Source(self._orders, ctx, _turned(machine))
        answer = source.shut_down(force=False, reach_seconds=PATIENT_REACH_SECONDS)
        return Done(answer.sentence, down)

    def _take(self, ctx: StepContext, machine: MachineRecord) -> None:
        """Take the machine under a number of this job's own, unless somebody was faster: a late order of it
        has no effect once the next number was seen."""

        def take(tx: Transaction) -> None:
            now = tx.machines.by_id(machine.id)
            if now is not None and (now.generation, now.claimed_by) == (
                machine.generation,
                machine.claimed_by,
            ):
                number = authority.highest(tx, now) + 1
                tx.machines.put(replace(now, generation=number, claimed_by=ctx.job_id))

        ctx.write(self._deps.commit(take))

    def _start_again(self, ctx: StepContext) -> Outcome:
        """If the machine was shut down and did not come home, start it again where it ran, unless a job of
        its own does."""
        down = ctx.facts("shut_down", WentDown)
        if down.appliance_id is None:
            return Skipped("it was not shut down")
        with self._deps.store.reading() as tx:
            machine = tx.machines.by_id(str(ctx.subject))
        why = _keeps_it_off(ctx, machine, down)
        if why is not None:
            return Skipped(why)
        return self._orders.give(
            ctx, down.appliance_id, orders.RESTART, orders.Restart(fabric_id=down.fabric_id),
            machine_id=ctx.subject,
            generation=self._number_above(ctx, machine, down),
            why=f"starting {ctx.subject_name} at {down.site} again",
            limits=Limits(deadline_seconds=300),
        ).done()  # fmt: skip

    def _number_above(self, ctx: StepContext, machine: MachineRecord | None, down: WentDown) -> int | None:
        """A number above that of the order that shut it down, which may still be on its way; but not above
        that of a verb that has the machine now."""
        if machine is None:
            return None
        if machine.claimed_by == ctx.job_id and machine.generation == down.generation:
            self._take(ctx, machine)
            machine = self._machine(ctx)
        return machine.generation

    def _reprotect(self, ctx: StepContext) -> Outcome:
        request = ctx.arguments(FailbackArguments).reprotect()

        def reprotect() -> list[Child]:
            return [self._child(ctx, Verb.REPROTECT, request, _own_number(ctx, self._machine(ctx)))]

        return ctx.run_children(reprotect, batch.DEADLINE_SECONDS)

    def _ask(self, ctx: StepContext) -> Outcome:
        machine = self._machine(ctx)
        answer = ctx.ask(
            Question(
                f"{machine.name} runs on at {machine.source_site} and is protected back to "
                f"{machine.target_site}, where its changes go on arriving. Answer '{COMPLETE}' to shut it "
                f"down, send the rest and start it at {machine.target_site}; or cancel this job: it then "
                "stays where it is, protected",
                (COMPLETE,),
            )
        )
        return Done(f"{answer.verdict}, says {answer.by}")

    def _move(self, ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(FailbackArguments)
        request = rest.PlannedFailover(
            machines=(wanted.machine_id,),
            choice=wanted.choice,
            at_most_down_seconds=wanted.at_most_down_seconds,
        )

        def move() -> list[Child]:
            self._require_synchronized(ctx)
            return [self._child(ctx, Verb.PLANNED_FAILOVER, request, down_since=_down_since(ctx))]

        return ctx.run_children(move, batch.DEADLINE_SECONDS)

    def _child(
        self,
        ctx: StepContext,
        verb: Verb,
        request: rest.MachinesRequest,
        asked_at: int | None = None,
        **more: JsonValue,
    ) -> Child:
        operation = self._operations[verb]
        assert isinstance(operation, MachineOperation)
        with self._deps.store.reading() as tx:
            (child,) = operation.children(tx, [tx.machines.get(str(ctx.subject))], request)
        mine = child if asked_at is None else child.model_copy(update={"asked_at": asked_at})
        return batch.as_job(mine.given(**more))

    def _require_synchronized(self, ctx: StepContext) -> None:
        """Raises StepFailed if somebody has moved the machine, or turned its direction, since."""
        machine, wanted = self._machine(ctx), ctx.arguments(FailbackArguments)
        if machine.state is not State.PROTECTED or machine.epoch != wanted.epoch + 1:
            raise StepFailed(
                errors.NotPossibleNow.code,
                f"{machine.name} is {machine.state} from {machine.source_site} to {machine.target_site}: "
                "somebody else has acted on it since it was synchronized.",
                "Check its state; to move it, start a planned failover",
            )

    def _unchanged(self, ctx: StepContext) -> MachineRecord:
        """The machine, unchanged since the job was submitted; else raises StaleOrder, also if this vault
        was restored from before somebody acted."""
        wanted = ctx.arguments(FailbackArguments)
        with self._deps.store.reading() as tx:
            machine = tx.machines.get(str(ctx.subject))
            highest = authority.highest(tx, machine)
        if machine.state is not State.COMMITTED or highest > _own_number(ctx, machine):
            raise errors.StaleOrder(
                (
                    f"{wanted.name} is {machine.state}: somebody else has acted on it since this failback "
                    "was asked for."
                ),
                do="Check its state, then start what is needed.",
            )
        return machine

    def _machine(self, ctx: StepContext) -> MachineRecord:
        with self._deps.store.reading() as tx:
            return tx.machines.get(str(ctx.subject))


def _own_number(ctx: StepContext, machine: MachineRecord) -> int:
    """The machine's number while nobody acts on it but this job."""
    return (
        machine.generation if machine.claimed_by == ctx.job_id else ctx.arguments(FailbackArguments).asked_at
    )


def _goes_down(ctx: StepContext, machine: MachineRecord) -> WentDown:
    return WentDown(
        appliance_id=machine.target_appliance_id,
        site=machine.target_site,
        fabric_id=machine.target_fabric_id,
        attempt=ctx.attempt,
        generation=machine.generation,
    )


def _keeps_it_off(ctx: StepContext, machine: MachineRecord | None, down: WentDown) -> str | None:
    """Why the machine is not started again where it was shut down; None: it is started."""
    if (
        machine is None
    ):  # its protection ended meanwhile, and nothing else started it; later its owner may have
        return None if down.attempt == ctx.attempt else f"{ctx.subject_name} is not protected any more"
    if (machine.epoch - ctx.arguments(FailbackArguments).epoch, machine.state) in WAITS:
        return None
    return (
        f"{machine.name} is {machine.state} from {machine.source_site} to {machine.target_site}: another job "
        "has it, or has moved it"
    )


def _down_since(ctx: StepContext) -> str | None:
    """When this job began to shut it down."""
    with ctx.session() as session:
        began = [task.started_at for task in read.tasks_of(session, ctx.job_id) if task.key == "shut_down"]
    return began[-1].isoformat() if began and began[-1] is not None else None


def _turned(machine: MachineRecord) -> MachineRecord:
    """The machine's record with the site that it leaves as its source."""
    return replace(
        machine,
        source_site=machine.target_site,
        source_appliance_id=machine.target_appliance_id,
        source_fabric_id=machine.target_fabric_id,
    )


def _with_job(key: str, run: StepFunction, title: str) -> Step:
    """A step that a verb's own job does: a cancel waits for the job's end."""
    return Step(key, run, title=title, cancelable=False, boundary=True)


def _plan_of(goes: MachineRecord, wanted: FailbackArguments) -> str:
    """What will be done. `goes`: the machine in the roles in which it is moved."""
    name, site = goes.name, goes.target_site
    if wanted.data_sync is DataSync.DURING:
        return (
            f"{name} is shut down now, and all its data is sent to new disks at {site}, without comparing, "
            "before it starts there"
        )
    anew = wanted.reprotect().location is Location.ALTERNATE
    sent = f"all its data is sent to new disks at {site}" if anew else f"its changes are sent to {site}"
    return f"{name} runs on while {sent}; then a person is asked before it is moved"
