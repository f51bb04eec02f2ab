"""Orders about instants between recovery points."""

from ....domain import journal
from ....domain.journal import Recovery
from ....ground.plural import counted
from ....wire.common.points import RollForward
from ....wire.control.orders import FindInstant, InstantFact
from ...target import HostedReplica
from ..context import Context
from .recovery_points import told_what_is_left


def find_instant(context: Context, payload: FindInstant) -> tuple[str, InstantFact]:
    """Find the newest instant at or before a time, after processing what was sent. Raises NotFound, which
    says which instants there are."""
    hosted = context.hosted()
    if hosted.waiting() and _is_later(hosted, payload):
        with context.alone(hosted, "processing what was sent"), told_what_is_left(hosted):
            context.parts.work.apply_all(hosted, context.left_seconds())
    found = hosted.cycles.find(hosted.points, payload.at, hosted.unchanged)
    forward, count = _forward(found), len(found.cycles)
    what = f"point {found.point.id} of {journal.spoken(found.taken_at)}"
    if forward is not None:
        what = f"{forward.named(found.point.id)} ({counted(count, 'cycle')} of the journal)"
    return what, InstantFact(point_id=found.point.id, taken_at=found.taken_at, forward=forward, cycles=count)


def _forward(found: Recovery) -> RollForward | None:
    if not found.cycles:
        return None
    after = (found.taken_at - found.point.taken_at).total_seconds()
    return RollForward(
        seq=found.cycles[-1].seq, taken_at=found.taken_at, epoch=found.point.epoch, after_seconds=after
    )


def _is_later(hosted: HostedReplica, payload: FindInstant) -> bool:
    """Whether the time is later than everything that can be found now. A processed cycle can be found a
    moment later, once its file has left the inbox."""
    stretches = hosted.cycles.stretches(hosted.points, hosted.unchanged)
    return not stretches or payload.at > max(each.ends_at for each in stretches)
