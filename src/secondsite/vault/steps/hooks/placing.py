"""Where the hooks of a job stand among the steps of its verb: a job without hooks has the steps that it
always had.

What a hook of a test failover did is undone by its counterpart before the machine is removed, also when the
job is undone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from ....domain import shell
from ....domain.lifecycle import Verb
from ....domain.machines.hooks import HookMoment
from ....jobs.model.context import StepContext, StepFunction
from ....jobs.model.definitions import Definition, Step
from ....jobs.model.facts import Json
from ....jobs.model.failures import StepFailed
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.hooks import MachineHook
from ...store import MachineRecord
from .. import gates
from ..claim import CHECK
from ..deps import Deps
from ..retry_store import retrying
from ..sides.orders import Orders
from . import running
from .choosing import HookRuns, asked

AFTER = ("names", "prove")
"""Hooks after the start stand after the first of these steps that exists."""
BEFORE = ("shut_down", "remove_machine", "remove_failed_over")
"""Hooks before the stop stand before these steps."""
STARTS = "start"
Find = Callable[[StepContext], MachineRecord]
KeepsIt = Callable[[MachineRecord, StepContext], str | None]
"""Why a test machine stays, and so its hooks' effects; None: it is removed."""


class HookPlacement:
    """Puts hooks into the jobs of one verb. `find` gives the job's machine."""

    def __init__(
        self, deps: Deps, give: Orders, verb: Verb, find: Find, keeps: KeepsIt | None = None
    ) -> None:
        self._deps = deps
        self._orders = give
        self._verb = verb
        self._find = find
        self._keeps = keeps

    def definition(self, plain: Definition) -> Definition:
        """The definition, with the hooks of jobs that have some."""

        def steps_of(arguments: Json) -> Sequence[Step]:
            made = plain.steps if plain.steps_of is None else plain.steps_of(arguments)
            return self.placed(made, arguments)

        return replace(plain, steps=(), steps_of=steps_of)

    def placed(self, steps: Sequence[Step], arguments: Json) -> Sequence[Step]:
        runs = asked(arguments)
        return steps if runs is None else tuple(self._with(runs, steps))

    def _with(self, runs: HookRuns, steps: Sequence[Step]) -> Iterator[Step]:
        keys = {step.key for step in steps}
        after = next((key for key in AFTER if key in keys), None)
        in_turn = any(step.awaits_turn for step in steps)
        for step in steps:
            if step.key in BEFORE:
                yield from self._steps(runs, HookMoment.BEFORE_STOP, in_turn=in_turn)
            yield self._changed(runs, step, in_turn=in_turn)
            if step.key == after:
                yield from self._steps(runs, HookMoment.AFTER_START, in_turn=in_turn)

    def _steps(self, runs: HookRuns, moment: HookMoment, *, in_turn: bool) -> Iterator[Step]:
        """The steps of hooks. Once a script has begun, a cancel waits for its end: steps after it may undo
        what it does. A cleanup goes on once it has begun. A job that waits for its turn notices a cancel of
        the run there and, since scripts may take hours, before each of them and before the shutdown."""
        word = "after the start" if moment is HookMoment.AFTER_START else "before the stop"
        cleans_up = self._verb is Verb.TEST_FAILOVER and moment is HookMoment.BEFORE_STOP
        for number, hook in enumerate(_of(runs, moment), start=1):
            step = Step(
                f"hook/{moment}/{number}",
                partial(self._run, runs, hook),
                title=f"Hook {word}: {hook.name}",
                cancelable=False,
                boundary=not (cleans_up or in_turn),
                begins=gates.begins_if_going_on if in_turn and moment is HookMoment.BEFORE_STOP else None,
            )
            yield retrying(step)

    def _changed(self, runs: HookRuns, step: Step, *, in_turn: bool) -> Step:
        if step.key in BEFORE and in_turn and any(_before(runs)):
            return replace(step, begins=gates.begins_if_going_on)
        if step.key == CHECK and self._verb is not Verb.CANCEL_FAILOVER:
            return retrying(replace(step, run=partial(self._check, runs, step.run)))
        if step.key == STARTS and step.undo is not None and self._verb is Verb.TEST_FAILOVER:
            return retrying(replace(step, undo=partial(self._undo, runs, step.undo)))
        return step

    def _run(self, runs: HookRuns, hook: MachineHook, ctx: StepContext) -> Outcome:
        machine = self._find(ctx)
        stays = self._stays(hook, machine, ctx)
        return Skipped(stays) if stays is not None else self._hook(runs, hook).run(ctx, machine)

    def _stays(self, hook: MachineHook, machine: MachineRecord, ctx: StepContext) -> str | None:
        stops = hook.moment is HookMoment.BEFORE_STOP
        return self._keeps(machine, ctx) if stops and self._keeps is not None else None

    def _hook(self, runs: HookRuns, hook: MachineHook) -> running.Hook:
        return running.Hook(self._deps, self._orders, self._verb, runs, hook)

    def _check(self, runs: HookRuns, plain: StepFunction, ctx: StepContext) -> Outcome:
        """Check the scripts before the verb's own check, which may take an address out of a pool. A planned
        failover does not begin without its scripts; other verbs report that, and begin."""
        said = "; ".join(running.missing(self._orders, ctx, self._find(ctx), self._verb, runs))
        if said and self._verb is Verb.PLANNED_FAILOVER:
            raise StepFailed(
                running.HOOK_MISSING,
                f"Hooks of {ctx.subject_name} cannot run: {said}.",
                (
                    "Put the script there, or remove the hook: 'secondsite hook clear "
                    f"{shell.arguments(ctx.subject_name, 'HOOK')}'; then start the planned failover again."
                ),
            )
        done = plain(ctx)
        if not said or not isinstance(done, Done):
            return done
        return replace(done, sentence=f"{done.sentence}; these hooks will not run: {said}", partial=True)

    def _undo(self, runs: HookRuns, plain: StepFunction, ctx: StepContext) -> Outcome:
        said = [self._taken_back(runs, hook, ctx, at) for at, hook in enumerate(_before(runs), start=1)]
        outcome = plain(ctx)
        if not said or not isinstance(outcome, Done):
            return outcome
        return replace(outcome, sentence="; ".join([*said, outcome.sentence]))

    def _taken_back(self, runs: HookRuns, hook: MachineHook, ctx: StepContext, number: int) -> str:
        """The result of undoing a hook; each has an order of its own."""
        own = replace(ctx, order_id=f"{ctx.order_id}/{number}")
        outcome = self._hook(runs, hook).run(own, self._find(ctx))
        words = outcome.sentence if isinstance(outcome, Done) else outcome.why
        return f"hook {hook.name}: {words}"


def _of(runs: HookRuns, moment: HookMoment) -> Iterable[MachineHook]:
    return [each for each in runs.run if each.moment is moment]


def _before(runs: HookRuns) -> Iterable[MachineHook]:
    return _of(runs, HookMoment.BEFORE_STOP)
