"""Orders about recovery points."""

import time
from datetime import datetime

from ...datapath import errors as datapath_errors
from ...domain import errors, points
from ...wire.orders import Drain, DropPoint, HoldPoint, Nothing, Points
from .. import scrub
from ..hosted import Hosted
from .context import Context

ARRIVAL_POLL_SECONDS = 0.1


def drain(context: Context, payload: Drain) -> tuple[str, Points]:
    """Apply all that was received; LATEST also seals what no point has yet."""
    hosted = context.hosted()
    _wait_for_arrival(context, hosted, payload)
    with hosted.hold("processing what was sent", context.left_seconds()):
        count = context.parts.work.apply_all(hosted, context.left_seconds())
        new_point_id, how = _seal(hosted) if payload.seal else (None, "")
        shapes = hosted.refresh()
    return f"processed {count} cycles{how}", Points(points=shapes, new_point_id=new_point_id)


def _wait_for_arrival(context: Context, hosted: Hosted, payload: Drain) -> None:
    """A cycle that the source knows to be acknowledged is here; one that is named and absent never came."""
    if payload.at_least_seq is None or payload.at_least_epoch not in (None, hosted.setup.epoch):
        return
    while hosted.received_seq() < payload.at_least_seq:
        if context.left_seconds() <= 0:
            raise errors.DeadlineExceeded(
                f"{hosted} has cycle {hosted.received_seq()}, not {payload.at_least_seq}.",
                do="Run the last cycle again, or fail over to the newest point that is here.",
            )
        time.sleep(ARRIVAL_POLL_SECONDS)


def _seal(hosted: Hosted) -> tuple[str | None, str]:
    state = hosted.replica.state
    if not state.unsealed or state.processed_taken_at is None:
        return None, ", nothing is newer than the newest point"
    taken_at = datetime.fromisoformat(state.processed_taken_at)
    point_id = points.point_id(taken_at, state.epoch, state.processed_seq)
    body = {
        "point_id": point_id,
        "consistency": "crash",
        "machine_name": hosted.setup.machine_name,
        "definition": _newest_definition(hosted),
    }
    try:
        sealed = hosted.replica.seal(body)
    except datapath_errors.HeadTorn as torn:
        # an unfinished pass is no instant of the machine: the newest point is the latest that can be started
        return None, f", no new point: {torn.message}"
    return sealed.point_id, f", {sealed.sentence}"


def _newest_definition(hosted: Hosted) -> dict[str, object]:
    records = hosted.replica.points()
    found = hosted.definition(records[-1]) if records else hosted.setup.definition
    return found.model_dump(mode="json")


def list_points(context: Context, _payload: Nothing) -> tuple[str, Points]:
    shapes = context.hosted().points
    return f"{len(shapes)} recovery points", Points(points=shapes)


def drop_point(context: Context, payload: DropPoint) -> tuple[str, Nothing]:
    hosted = context.hosted()
    with hosted.hold("dropping a point", context.left_seconds()):
        dropped = hosted.replica.drop(payload.point_id)
        hosted.refresh()
    return dropped.sentence, Nothing()


def hold_point(context: Context, payload: HoldPoint) -> tuple[str, Points]:
    """Durable here, where the points are: retention spares it, with or without a vault."""
    hosted = context.hosted()
    with hosted.hold("holding a point", context.left_seconds()):
        hosted.record(payload.point_id)
        sentence = hosted.replica.hold(payload.point_id, payload.reason)
        shapes = hosted.refresh()
    return sentence, Points(points=shapes)


def release_point(context: Context, payload: DropPoint) -> tuple[str, Points]:
    hosted = context.hosted()
    with hosted.hold("releasing a point", context.left_seconds()):
        hosted.record(payload.point_id)
        sentence = hosted.replica.release(payload.point_id)
        shapes = hosted.refresh()
        hosted.wants_trim = True
    context.parts.work.wanted(hosted)
    return sentence, Points(points=shapes)


def verify_point(context: Context, payload: DropPoint) -> tuple[str, Nothing]:
    """Reads the whole point as fast as it can; cycles go on meanwhile. What is found marks the point, either way."""
    hosted = context.hosted()
    size_bytes = sum(disk.size_bytes for disk in hosted.record(payload.point_id).manifest.disks)
    told = scrub.teller(size_bytes, context.progress)
    verdict = scrub.verify(hosted, payload.point_id, lambda: context.left_seconds() <= 0, told)
    if not verdict.ok:
        raise errors.PointDamaged(f"Not as it was sealed: {verdict.sentence}.")
    return f"{verdict.sentence} ({verdict.read_bytes} bytes read in {verdict.seconds:.1f} s)", Nothing()
