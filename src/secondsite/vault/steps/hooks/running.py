"""Runs a hook once: its script, by the appliance of the site where the machine runs then.

What it does cannot be repeated by the vault: one that may have run is run again only by a person's retry (ADR
84). A machine that was started runs whatever becomes of its hooks; only a planned failover may stop at a
hook, before it has shut anything down (ADR 129).
"""

from collections.abc import Sequence
from dataclasses import replace

from ....domain import errors
from ....domain.lifecycle import Verb
from ....domain.machines import hooks
from ....domain.machines.hooks import HookMoment
from ....domain.plans.directions import FailoverKind
from ....jobs.model.context import StepContext
from ....jobs.model.failures import StepFailed
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.hooks import MachineHook
from ....wire.control import orders
from ....wire.control.scripts import RunScript, ScriptResult
from ...store import MachineRecord
from ..deps import Deps
from ..sides.orders import Limits, Orders
from ..sides.side import Side
from ..sides.source import Source
from ..sides.target import Target
from . import hook_facts, scripting
from .choosing import HookRuns

HOOK_FAILED, HOOK_MISSING = "hook-failed", "hook-missing"
REACH_SECONDS, URGENT_REACH_SECONDS = 30.0, 5.0
"""How long an appliance that is not connected is waited for, in seconds; less while production waits for a
cancel."""


class Hook:
    """One of the hooks of a job."""

    def __init__(self, deps: Deps, give: Orders, verb: Verb, runs: HookRuns, hook: MachineHook) -> None:
        self._deps = deps
        self._orders = give
        self._verb = verb
        self._runs = runs
        self._hook = hook

    def run(self, ctx: StepContext, machine: MachineRecord) -> Outcome:
        """Run the hook; Done also if it failed. Raises StepFailed for a hook that stops the verb, StaleOrder,
        Wait."""
        hook, at = self._hook, hooks.side(self._hook.moment, self._verb)
        why = self._needless(machine)
        if why is not None:
            return Skipped(why)
        side, payload = self._side(ctx, machine, at), self._payload(ctx, machine, at)
        try:
            answer = side.give(orders.RUN_SCRIPT, payload, f"hook {hook.name} runs", self._limits())
        except errors.StaleOrder:
            raise
        except (errors.ApplianceUnreachable, errors.DeadlineExceeded) as error:
            return self._failed(f"whether script {hook.script} ran is not known: {error.message}")
        except errors.SecondsiteError as error:
            return self._failed(f"{error.message} {error.do}")
        said = f"at {side.site}: {answer.sentence}{scripting.last_lines(answer.facts.output)}"
        if answer.facts.exit_status == 0:
            return Done(said, answer.facts)
        return self._failed(said, answer.facts)

    def _needless(self, machine: MachineRecord) -> str | None:
        """Why there is no need to run it: nothing was started that will be stopped."""
        if self._hook.moment is HookMoment.AFTER_START:
            return None
        if self._runs.kind is FailoverKind.TEST:
            return None if machine.drill is not None else "there is no test machine"
        if self._verb is Verb.CANCEL_FAILOVER and not machine.start_ordered:
            return f"{machine.target_site} was never told to start {machine.name}"
        return None

    def _side(self, ctx: StepContext, machine: MachineRecord, at: hooks.Side) -> Side:
        return (Target if at is hooks.Side.TARGET else Source)(self._orders, ctx, machine)

    def _payload(self, ctx: StepContext, machine: MachineRecord, at: hooks.Side) -> RunScript:
        with self._deps.store.reading() as tx:
            told = hook_facts.context(tx, ctx, machine, self._verb, self._runs, self._hook, at)
        return RunScript(
            name=self._hook.script,
            timeout_seconds=self._hook.timeout_seconds,
            context=told,
            looks_at=told.machines[0].fabric_id,
        )

    def _limits(self) -> Limits:
        deadline = self._hook.timeout_seconds + scripting.BESIDE_SECONDS
        reach = URGENT_REACH_SECONDS if self._verb is Verb.CANCEL_FAILOVER else REACH_SECONDS
        return Limits(deadline_seconds=deadline, reach_seconds=reach)

    def _failed(self, said: str, facts: ScriptResult | None = None) -> Outcome:
        if self._hook.stops and self._verb is Verb.PLANNED_FAILOVER:
            raise StepFailed(
                HOOK_FAILED,
                f"Hook '{self._hook.name}': {said}",
                (
                    "The machine was not shut down, and runs on. Look at what the script has done and "
                    "correct it; then start the planned failover again."
                ),
            )
        return Done(f"{said}; that stops nothing", facts, partial=True)


def missing(give: Orders, ctx: StepContext, machine: MachineRecord, verb: Verb, runs: HookRuns) -> list[str]:
    """Why some scripts of the job cannot be run, one sentence each. Each site is asked by an order of its
    own. Raises Wait."""
    by_appliance: dict[str, set[str]] = {}
    for each in runs.run:
        at = hooks.side(each.moment, verb)
        appliance = machine.target_appliance_id if at is hooks.Side.TARGET else machine.source_appliance_id
        by_appliance.setdefault(appliance, set()).add(each.script)
    return [
        said
        for number, (appliance, names) in enumerate(sorted(by_appliance.items()), start=1)
        for said in _missing_at(give, replace(ctx, order_id=f"{ctx.order_id}/{number}"), appliance, names)
    ]


def _missing_at(give: Orders, ctx: StepContext, appliance: str, names: set[str]) -> Sequence[str]:
    """The missing scripts at one appliance. If it is not connected, the verb's own check reports that, if it
    matters."""
    try:
        return scripting.told_missing(give, ctx, appliance, sorted(names), limits=scripting.LOOKS)
    except errors.ApplianceUnreachable:
        return ()
    except errors.SecondsiteError as error:
        return (f"scripts {', '.join(sorted(names))}: {error.message}",)
