"""Scripts of a plan, run by the target's appliance between the groups.

What a script does cannot be undone or repeated by the vault: one that may have run is run again only by a
person's retry (ADR 84).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...domain import errors
from ...domain.lifecycle import DrillState, State, Verb
from ...domain.plans.directions import FailoverKind
from ...domain.plans.run_selection import KINDS
from ...jobs.model.context import StepContext
from ...jobs.model.failures import StepFailed
from ...jobs.model.outcomes import Done, Outcome
from ...wire.control import orders
from ...wire.control.scripts import (
    AGENT_SECONDS,
    GuestOfScript,
    RunGuestScript,
    RunScript,
    ScriptContext,
    ScriptMachine,
    ScriptResult,
)
from ..steps.deps import Deps
from ..steps.hooks import scripting
from ..steps.sides.orders import Limits, Orders
from ..store import MachineRecord
from .arguments import PlanRunArguments, RunAction, RunGroup

STARTED = frozenset({State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED})
"""States in which the machine runs at the target, and no job moves it."""
When = Literal["before", "after"]
SCRIPT_FAILED, SCRIPT_MISSING = "script-failed", "script-missing"


@dataclass(frozen=True, slots=True)
class ScriptTurn:
    """An action of a run whose turn it is."""

    run: PlanRunArguments
    group: RunGroup
    when: When
    action: RunAction


class Scripts:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._orders = Orders(deps)

    def missing(self, ctx: StepContext, run: PlanRunArguments, limits: Limits) -> Sequence[str]:
        """Why some of the run's scripts cannot be run, before the first machine is touched. `limits`: for
        each appliance's answer. Raises Wait."""
        actions = [each for group in run.groups for each in (*group.before, *group.after) if each.script]
        sites = sorted({each.at for each in actions})
        return [
            said
            for at in sites
            for said in self._missing_at(ctx, at, [each for each in actions if each.at == at], limits)
        ]

    def _missing_at(
        self, ctx: StepContext, at: str, actions: Sequence[RunAction], limits: Limits
    ) -> Sequence[str]:
        names = sorted({each.script or "" for each in actions if each.guest is None})
        in_guests = sorted({each.script or "" for each in actions if each.guest is not None})
        return scripting.missing(self._orders, ctx, at, names, in_guests, limits)

    def run(self, turn: ScriptTurn, stops: bool, ctx: StepContext) -> Outcome:
        """Run the script. It succeeded if it ended with status 0; after anything else a planned failover
        stops, other runs go on."""
        action = turn.action
        assert action.script is not None
        boots = AGENT_SECONDS if action.guest is not None else 0.0
        limits = Limits(deadline_seconds=action.timeout_seconds + scripting.BESIDE_SECONDS + boots)
        payload = RunScript(
            name=action.script, timeout_seconds=action.timeout_seconds, context=self._context(ctx, turn)
        )
        try:
            if action.guest is None:
                why = f"script {action.script} runs"
                answer = self._orders.give(ctx, action.at, orders.RUN_SCRIPT, payload, why=why, limits=limits)
            else:
                inside = self._inside(turn, payload)
                why = f"script {action.script} runs in {inside.guest.name}"
                answer = self._orders.give(
                    ctx, action.at, orders.RUN_GUEST_SCRIPT, inside, why=why, limits=limits
                )
        except (errors.ApplianceUnreachable, errors.DeadlineExceeded) as error:
            return _failed(f"whether script {action.script} ran is not known: {error.message}", stops)
        except errors.StoreUnavailable:
            raise
        except errors.SecondsiteError as error:
            return _failed(f"{error.message} {error.do}", stops)
        said = answer.sentence + scripting.last_lines(answer.facts.output)
        if answer.facts.exit_status == 0:
            return Done(said, answer.facts)
        return _failed(said, stops, answer.facts)

    def _inside(self, turn: ScriptTurn, payload: RunScript) -> RunGuestScript:
        """The order for a script in a guest. Raises NotPossibleNow if the run has not started the guest."""
        with self._deps.store.reading() as tx:
            guest = tx.machines.by_id(turn.action.guest or "")
            at = tx.appliances.find(turn.action.at)
        fabric_id = _running_as(guest, turn.run.verb) if guest is not None else None
        if at is not None and guest is not None and at.site != guest.target_site:
            fabric_id = None  # committed at the other site, and not brought home by this run yet
        if guest is None or fabric_id is None:
            raise errors.NotPossibleNow(
                f"Script {payload.name} was not run: {guest.name if guest else 'its guest'} was not started.",
                do="Run it there by hand once it runs, if it is still needed.",
            )
        told = payload.context.model_copy(update={"guest": guest.name})
        return RunGuestScript(
            **dict(payload.model_copy(update={"context": told})),
            guest=GuestOfScript(fabric_id=fabric_id, name=guest.name),
        )

    def _context(self, ctx: StepContext, turn: ScriptTurn) -> ScriptContext:
        run = turn.run
        ids = [each.machine_id for each in turn.group.children] or turn.group.arrived
        with self._deps.store.reading() as tx:
            records = {each.id: each for each in tx.machines.several(ids)}
            at = tx.appliances.find(turn.action.at)
        kind = KINDS[run.verb]
        return ScriptContext(
            plan=run.plan,
            run=ctx.job_id,
            verb=run.verb,
            kind=kind,
            direction=run.direction,
            is_drill=kind is FailoverKind.TEST,
            group=turn.group.number,
            when=turn.when,
            action=turn.action.name,
            machines=tuple(_machine(records[each]) for each in ids if each in records),
            at_site="" if at is None else at.site,
        )


def _running_as(guest: MachineRecord, verb: Verb) -> str | None:
    """The name at the target of a machine that this run, or one before it, has started there; None if none
    has."""
    if KINDS[verb] is FailoverKind.TEST:
        has_drill = guest.drill is not None and guest.drill_state is DrillState.RUNNING
        return guest.drill.fabric_id if guest.drill is not None and has_drill else None
    return guest.target_fabric_id if guest.state in STARTED else None


def _machine(record: MachineRecord) -> ScriptMachine:
    return ScriptMachine(
        id=record.id,
        name=record.name,
        from_site=record.source_site,
        to_site=record.target_site,
        state=record.state,
        drill=record.drill_state is DrillState.RUNNING,
        point=record.drill.point_id if record.drill else record.failed_over_point_id,
        networks=tuple(each.network for each in record.definition.nics if each.network),
    )


def _failed(said: str, stops: bool, facts: ScriptResult | None = None) -> Outcome:
    if stops:
        do = (
            "Look at what it has done and correct it; then run the plan again, or retry this job "
            "('secondsite job retry JOB') if none of its machines went back: it is run again, and the run "
            "goes on from there"
        )
        raise StepFailed(SCRIPT_FAILED, said, do)
    return Done(f"{said}; the run goes on", facts, partial=True)
