"""Orders about instants between recovery points."""

from ...domain import journal
from ...wire.orders import FindInstant, InstantFact
from ...wire.replication import Forward
from ..hosted import Hosted
from .context import Context


def find_instant(context: Context, payload: FindInstant) -> tuple[str, InstantFact]:
    """What was sent up to that time is processed first; raises NotFound, saying what is possible."""
    hosted = context.hosted()
    if hosted.waiting() and _is_later(hosted, payload):
        with hosted.hold("processing what was sent", context.left_seconds()):
            context.parts.work.apply_all(hosted, context.left_seconds())
    found = hosted.cycles.find(hosted.points, payload.at)
    forward = None
    onward = ""
    if found.cycles:
        forward = Forward(seq=found.cycles[-1].seq, taken_at=found.taken_at)
        onward = f" and {len(found.cycles)} cycles of the journal after it"
    sentence = f"the cycle of {journal.spoken(found.taken_at)} is point {found.point.id}{onward}"
    return sentence, InstantFact(
        point_id=found.point.id, taken_at=found.taken_at, forward=forward, cycles=len(found.cycles)
    )


def _is_later(hosted: Hosted, payload: FindInstant) -> bool:
    processed_at = hosted.status().processed_at
    return processed_at is None or payload.at > processed_at
