"""A planned failover of a plan with the data synchronization `before`: its machines are reprotected side by
side while they run; then a person is asked once, for all of them, while replication goes on; then they are
moved as in any planned failover.

The arguments of the moves are made after the answer: a machine has no recovery point before, and its number
is another one then.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ...domain import errors
from ...domain.lifecycle import State, Verb
from ...domain.plans.run_selection import listed
from ...ground.plural import counted
from ...jobs.model.asking import Question
from ...jobs.model.context import Child, StepContext
from ...jobs.model.definitions import Children, Step
from ...jobs.model.failures import StepFailed
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire import rest
from ...wire.common.base import Shape
from ..operations.interface import Operation
from ..steps import batch
from ..steps.batch import BatchChild
from ..steps.deps import Deps
from ..steps.operation import MachineOperation
from ..store import MachineRecord, Transaction
from . import submit
from .arguments import PlanRunArguments, RunGroup, Synchronization
from .unsynchronized_failback import COMPLETE, LOCATIONS

SYNCHRONIZE, ASK, CHOOSE = "synchronize", "complete", "choose"
"""The keys of the steps."""
AGAIN = "Or run the plan again: it takes those that are left"


class Moves(Shape):
    """The result of the last step: the jobs that move the machines, by machine id."""

    children: dict[str, BatchChild]


def jobs(group: RunGroup, ctx: StepContext) -> list[Child]:
    """The jobs that move the machines of the group."""
    moves = ctx.facts(CHOOSE, Moves).children
    return [batch.as_job(moves[each.machine_id]) for each in group.children]


class Synchronizing:
    """The steps before the phases of the planned failover, and what they do."""

    def __init__(self, deps: Deps, operations: Mapping[Verb, Operation]) -> None:
        self._deps = deps
        self._operations = operations

    def steps(self, run: PlanRunArguments) -> Iterator[Step]:
        yield Step(
            SYNCHRONIZE,
            self._synchronize,
            title="All groups: Synchronize",
            cancelable=False,
            boundary=True,
            children=Children.ALL,
        )
        yield Step(ASK, self._ask, title="Complete failover")
        yield Step(CHOOSE, partial(self._choose, run), title="All groups: Recovery points")

    def _synchronize(self, ctx: StepContext) -> Outcome:
        run = ctx.arguments(PlanRunArguments)
        wanted = _wanted(run)
        if not wanted.committed:
            return Skipped("all are protected already")
        try:
            return ctx.run_children(partial(self._reprotects, run), batch.DEADLINE_SECONDS)
        except StepFailed as failed:
            with self._deps.store.reading() as tx:
                there = [each.name for each in _taken(tx, run) if _is_synchronized(each, wanted)]
            stays = f"; protected, and running where they are: {listed(there, ', ')}" if there else ""
            raise StepFailed(
                failed.code, f"{failed.message}; none was moved{stays}", f"{failed.do}. {AGAIN}"
            ) from failed

    def _reprotects(self, run: PlanRunArguments) -> list[Child]:
        """The jobs; each has the number that its machine had when the run was asked for, so one that somebody
        else has taken since is left alone."""
        wanted = _wanted(run)
        asked_at = {each.machine_id: each.asked_at for group in run.groups for each in group.children}
        operation = self._operation(Verb.REPROTECT)
        with self._deps.store.reading() as tx:
            machines = tx.machines.several(wanted.committed)
            request = rest.Reprotect(
                machines=wanted.committed[:1],
                location=wanted.location or LOCATIONS[wanted.data_sync],  # an older vault did not record it
                target_appliance=wanted.target_appliance,
                store=wanted.store,
            )
            made = operation.children(tx, machines, request)
        return [
            batch.as_job(each.model_copy(update={"asked_at": asked_at[each.machine_id]})) for each in made
        ]

    def _ask(self, ctx: StepContext) -> Outcome:
        run = ctx.arguments(PlanRunArguments)
        with self._deps.store.reading() as tx:
            machines = _taken(tx, run)
        at = _sites(each.source_site for each in machines)
        home = _sites(each.target_site for each in machines)
        answer = ctx.ask(
            Question(
                f"{counted(len(machines), 'machine')} of plan '{run.plan}' run on at {at} and are protected "
                f"back to {home}, where their changes go on arriving. Answer '{COMPLETE}' to move them to "
                f"{home}, group after group; or cancel this job: they then stay where they are, protected",
                (COMPLETE,),
            )
        )
        return Done(f"{answer.verdict}, says {answer.by}")

    def _choose(self, run: PlanRunArguments, ctx: StepContext) -> Outcome:
        """Make the arguments of the moves. Raises StepFailed if somebody has acted on a machine since it was
        synchronized."""
        wanted, groups = _wanted(run), [each for each in run.groups if each.children]
        operation = self._operation(Verb.PLANNED_FAILOVER)
        with self._deps.store.reading() as tx:
            machines = _taken(tx, run)
            _require_synchronized(machines, run, wanted)
            request = rest.PlannedFailover(machines=(machines[0].id,), choice=wanted.choice)
            made = submit.moving_children(operation, tx, machines, request, ctx.began_at)
        now = [submit.in_turn(_with(group, made), len(machines)) for group in groups]
        moves = {each.machine_id: each for group in now for each in group.children}
        return Done(f"{counted(len(machines), 'machine')} can be moved", Moves(children=moves))

    def _operation(self, verb: Verb) -> MachineOperation:
        operation = self._operations[verb]
        assert isinstance(operation, MachineOperation)
        return operation


def _wanted(run: PlanRunArguments) -> Synchronization:
    assert run.synchronization is not None
    return run.synchronization


def _with(group: RunGroup, made: Mapping[str, BatchChild]) -> RunGroup:
    return group.model_copy(update={"children": tuple(made[each.machine_id] for each in group.children)})


def _taken(tx: Transaction, run: PlanRunArguments) -> list[MachineRecord]:
    """The machines of the run that are still protected, or were."""
    ids = [each.machine_id for group in run.groups for each in group.children]
    records = {each.id: each for each in tx.machines.several(ids)}
    return [records[each] for each in ids if each in records]


def _is_synchronized(machine: MachineRecord, wanted: Synchronization) -> bool:
    return machine.state is State.PROTECTED and machine.epoch == wanted.epochs[machine.id]


def _require_synchronized(
    machines: list[MachineRecord], run: PlanRunArguments, wanted: Synchronization
) -> None:
    known = {each.id for each in machines if _is_synchronized(each, wanted)}
    others = [each.name for group in run.groups for each in group.children if each.machine_id not in known]
    if others:
        raise StepFailed(
            errors.NotPossibleNow.code,
            f"Somebody else has acted on these since they were synchronized: {listed(others, ', ')}.",
            "Check their state; then run the plan again: it takes those that have not arrived",
        )


def _sites(names: Iterable[str]) -> str:
    return " and ".join(sorted(set(names)))
