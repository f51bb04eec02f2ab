"""The end of a test failover: its machine and its network are removed, and what it showed is kept with the
machine (S-113, S-115)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....domain.amounts import span
from ....domain.drills import verdicts
from ....domain.drills.verdicts import Verdict
from ....domain.drills.ways import DrillVisit
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....wire.common.base import Shape
from ....wire.common.points import started_from
from ...store import DrillNote, DrillRecord, MachineRecord, Transaction
from ..absent_site import declaration
from ..absent_site.declaration import Need
from ..deps import Deps
from ..sides import shared_drill_network
from ..sides.target import Target, drill_fabric_id
from . import drift

NAMED = 20
"""How many visits are named; the audit log has all."""


class DrillEnded(Shape):
    """What the last task of a test failover shows about it."""

    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class DrillJudgement:
    """A person's judgement of a test failover."""

    notes: str
    verdict: Verdict | None = None


def remove_machine(deps: Deps, ctx: StepContext, target: Target) -> Outcome:
    machine = target.machine
    fabric_id = machine.drill.fabric_id if machine.drill else drill_fabric_id(machine)
    need = Need(
        target.to_stop_drill(fabric_id),
        lost="the test machine there is lost",
        later="the test machine is removed there",
    )
    return declaration.unless_given_up(deps, ctx, target, need)


def remove_network(deps: Deps, ctx: StepContext, target: Target) -> Outcome:
    drill = target.machine.drill
    if drill is None or not drill.network_made:
        return Skipped("no network was made for this drill")
    need = Need(
        target.to_remove_network(shared_drill_network.network_of(drill)),
        lost="the test network there is lost",
        later="the test network is removed there",
    )
    return declaration.unless_given_up(deps, ctx, target, need)


def complete(deps: Deps, ctx: StepContext, machine: MachineRecord, judged: DrillJudgement) -> Outcome:
    """End the drill and keep its notes and verdict; without a person's verdict, that of its proof."""
    if machine.drill is None:
        return Skipped("the test failover never started, so there is nothing to note")
    note = _note(ctx, machine.id, machine.drill, judged)
    lasted = (note.completed_at - note.started_at).total_seconds()
    begin = started_from(note.point_id, note.forward)
    visited = _visited(machine.drill.visits)
    return Done(
        f"the test failover of {machine.name} from {begin} lasted {span(lasted)}; "
        f"verdict: {verdicts.spoken(note.verdict)}; notes kept: {note.notes or 'none'}{visited}",
        DrillEnded(verdict=note.verdict),
        deps.commit(lambda tx: _keep(tx, note)),
    )


def _visited(visits: Sequence[DrillVisit]) -> str:
    """Who came in, as the end of a sentence, so that it is in the evidence."""
    if not visits:
        return ""
    said = [f"{each.who} at {each.what} from {each.began_at:%Y-%m-%d %H:%M}Z" for each in visits]
    more = f" and {len(said) - NAMED} times more" if len(said) > NAMED else ""
    return f"; came in: {', '.join(said[:NAMED])}{more}"


def _note(ctx: StepContext, machine_id: str, drill: DrillRecord, judged: DrillJudgement) -> DrillNote:
    return DrillNote(
        machine_id=machine_id,
        notes=judged.notes,
        point_id=drill.point_id,
        started_at=drill.started_at,
        completed_at=ctx.now(),
        requested_by=ctx.requested_by,
        forward=drill.forward,
        verdict=verdicts.settled(judged.verdict, drill.proven),
    )


def _keep(tx: Transaction, note: DrillNote) -> None:
    tx.drill_notes.add(note)
    machine = tx.machines.get(note.machine_id)
    failed_at = machine.drill_failed_at
    if note.verdict is not None:
        failed_at = note.completed_at if note.verdict is Verdict.FAILED else None
    changed = replace(machine, drilled_at=note.completed_at, drill_failed_at=failed_at)
    if note.verdict is Verdict.PASSED:
        changed = replace(changed, proven_as=drift.now(tx, machine, note.completed_at), drift=None)
    tx.machines.put(changed)
