"""What was seen of a machine is kept with the recovery point that it was started from, beside the point's disks: the vault may be lost."""

from datetime import UTC, datetime

import structlog

from ....domain import errors
from ....domain.points import Grade
from ....fabrics.interface import PowerState
from ....ground import seams
from ....wire.common.evidence import Evidence
from ....wire.control.proofs import Prove
from .. import runs
from ..context import Context

log = structlog.get_logger(__name__)


def grade(evidence: Evidence) -> Grade | None:
    """What it proves; None: nothing. Pure."""
    if not evidence.proven:
        return None
    return Grade.APPLICATION if evidence.checks else Grade.BOOTED


def says_nothing(evidence: Evidence) -> bool:
    """A slow guest without checks takes nothing from a point that another start has proven."""
    return not evidence.proven and not evidence.checks and evidence.power == PowerState.RUNNING


def record(context: Context, payload: Prove, evidence: Evidence) -> None:
    """Keep it with the point, durably. Of an instant between points nothing is kept. What was seen is told in any case: a machine that runs
    is not judged by a record that cannot be written."""
    try:
        point_id = _point(context, payload.fabric_id)
        if point_id is None or says_nothing(evidence):
            return
        hosted = context.hosted()
        hosted.verdicts.prove(point_id, grade(evidence), datetime.now(UTC), hosted.replica.point_ids)
        seams.reach("appliance.proof.graded")
        hosted.refresh(only_new=True)
    except (errors.SecondsiteError, OSError) as problem:
        log.warning("point.not-graded", machine=payload.name, problem=str(problem))


def _point(context: Context, fabric_id: str) -> str | None:
    """The point that the machine was started from; None for one that was rolled forward, and for one that runs on no replica here."""
    if context.order.machine_id is None:
        return None
    for fact in context.state.facts(runs.key_of(context, "")).values():
        run = runs.RunFact.model_validate_json(fact)
        if run.fabric_id == fabric_id and run.made and run.forward is None:
            return run.point_id
    return None
