"""Keeps what was seen of a machine with the recovery point that it was started from, beside the point's
disks: the vault may be lost."""

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from ....domain import errors
from ....domain.points import Grade
from ....fabrics.interface import PowerState
from ....ground import seams
from ....wire.common.evidence import Evidence, GuestAgent
from ...target import HostedReplica
from .. import runs
from ..context import Context

log = structlog.get_logger(__name__)


def grade(evidence: Evidence, *, in_drill: bool = False, asked_outside: bool = False) -> Grade | None:
    """What the evidence proves of a point; None for nothing. In a drill, what answers over this host's own
    network may be production's machine. Pure."""
    if not evidence.proven:
        return None
    if not evidence.checks:
        return Grade.BOOTED
    if in_drill and asked_outside:
        return Grade.BOOTED if evidence.agent is GuestAgent.ANSWERED else None
    return Grade.APPLICATION


def says_nothing(evidence: Evidence) -> bool:
    """Whether the evidence says nothing: a slow guest without checks takes no grade from a point that another
    start has proven."""
    return not evidence.proven and not evidence.checks and evidence.power == PowerState.RUNNING


@dataclass(frozen=True, slots=True)
class GradedRun:
    """The run that an inspection looks at, as it was when that began."""

    run: str
    fact: runs.RunFact


def begun(context: Context, fabric_id: str) -> GradedRun | None:
    """The machine's run; None for a machine that was rolled forward, or that runs on no replica here."""
    if context.order.machine_id is None:
        return None
    prefix = runs.key_of(context, "")
    for key, fact in context.state.facts(prefix).items():
        run = runs.RunFact.model_validate_json(fact)
        if run.fabric_id == fabric_id and run.made and run.forward is None:
            return GradedRun(key.removeprefix(prefix), run)
    return None


def record(
    context: Context,
    looked: GradedRun | None,
    evidence: Evidence,
    *,
    asked_outside: bool,
    partly: bool = False,
) -> None:
    """Keep it with the point, durably, if the same machine still stands on it: an inspection may end when the
    next drill has begun, and drills have one fabric id. A record that cannot be written is no error: the
    report still says what was seen. `asked_outside`: some services were asked over this host's own network,
    where another machine may answer. `partly`: some were not asked at all, so an inspection that found
    nothing wrong neither gives nor takes what they would prove."""
    try:
        if looked is None or says_nothing(evidence) or not _is_there(context, looked):
            return
        found = grade(evidence, in_drill=looked.run != runs.FAILOVER, asked_outside=asked_outside)
        hosted, point_id = context.hosted(), looked.fact.point_id
        if partly and found is not None:
            found = _known(hosted, point_id) or Grade.BOOTED
        hosted.verdicts.prove(point_id, found, datetime.now(UTC), hosted.replica.point_ids)
        seams.reach("appliance.proof.graded")
        hosted.refresh(only_new=True)
    except (errors.SecondsiteError, OSError) as problem:
        log.warning("point.not-graded", machine=context.order.machine_id, problem=str(problem))


def _known(hosted: HostedReplica, point_id: str) -> Grade | None:
    return next((each.proof for each in hosted.points if each.id == point_id), None)


def _is_there(context: Context, looked: GradedRun) -> bool:
    """Whether the run is still there, by the replica's own files: the appliance's records may be from an old
    backup."""
    run = context.hosted().replica.state.run(looked.run)
    stands = run is not None and run.point_id == looked.fact.point_id
    return stands and runs.machine_of(context, looked.run) == looked.fact
