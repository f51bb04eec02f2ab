"""Orders about recovery points."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from ....datapath import errors as datapath_errors
from ....datapath.cycles import cycle_file
from ....domain import errors, journal, points, shell
from ....domain.amounts import size, span
from ....ground.plural import counted
from ....wire.control.orders import Drain, HoldPoint, Nothing, PointOrder, Points, ReleasePoint
from ...target import HostedReplica, old_disks, scrub
from ..context import Context

ARRIVAL_POLL_SECONDS = 0.1


def drain(context: Context, payload: Drain) -> tuple[str, Points]:
    """Apply all received cycles; with LATEST also seal a point of what no point has yet."""
    hosted = context.hosted()
    _wait_for_arrival(context, hosted, payload)
    with context.alone(hosted, "processing what was sent"):
        _look(hosted)
        with _readable(hosted), told_what_is_left(hosted):
            count = context.parts.work.apply_all(hosted, context.left_seconds())
            new_point_id, how = _seal(hosted) if payload.seal else (None, "")
        shapes = hosted.refresh()
    return f"processed {counted(count, 'cycle')}{how}", Points(points=shapes, new_point_id=new_point_id)


def _look(hosted: HostedReplica) -> None:
    """Look at the old disks; raises MachineAway while those that a rescued machine lends are waited for."""
    try:
        old_disks.look(hosted)
    except errors.OldDiskAway as away:
        raise old_disks.waited_for(hosted, away) from away


@contextmanager
def _readable(hosted: HostedReplica) -> Iterator[None]:
    """Inside, a file that is broken or gone becomes a ReplicaError with what to do: the points below it may
    be whole."""
    try:
        yield
    except datapath_errors.DatapathError as problem:
        if not datapath_errors.tells_of_damage(problem):
            raise
        if (away := old_disks.away(hosted)) is not None:
            raise old_disks.waited_for(hosted, away) from problem
        hosted.findings.add("replica-damaged", problem.message)
        raise errors.ReplicaError(
            (
                f"What was sent of {hosted.setup.machine_name} cannot be processed at the target: "
                f"{problem.message}"
            ),
            do="In need start it without that: 'secondsite machine failover "
            f"{shell.arguments(hosted.setup.machine_name, options='--choice latest_processed')}'. While it "
            "runs at its source, disable its protection and enable it again.",
        ) from problem


@contextmanager
def told_what_is_left(hosted: HostedReplica) -> Iterator[None]:
    """Inside, a StoreFull also says what no point contains, so that whoever starts an older point knows what
    that lacks."""
    try:
        yield
    except errors.StoreFull as full:
        left = list(_left(hosted))
        if not left:
            raise
        raise errors.StoreFull(
            (
                f"The store of {hosted.setup.machine_name} is full, so {' and '.join(left)} came into no "
                f"recovery point: {full.message}"
            ),
            do=f"{full.do} In need start it without that: 'secondsite machine failover "
            f"{shell.arguments(hosted.setup.machine_name, options='--choice latest_processed')}'.",
        ) from full


def _left(hosted: HostedReplica) -> Iterator[str]:
    """What is newer than the newest point, as parts of a sentence."""
    state, waiting = (
        hosted.replica.state,
        [each for each in hosted.waiting() if each[0] == hosted.setup.epoch],
    )
    if state.unsealed and state.whole and state.processed_taken_at is not None:
        yield f"what was processed until {journal.spoken(datetime.fromisoformat(state.processed_taken_at))}"
    if waiting:
        yield f"{counted(len(waiting), 'cycle')} that had arrived{_until(hosted, waiting[-1][2])}"


def _until(hosted: HostedReplica, path: Path) -> str:
    with suppress(datapath_errors.DatapathError, OSError):
        header, _frames = cycle_file.read(path, hosted.replica.file_key)
        return f" (until {journal.spoken(datetime.fromisoformat(header.taken_at))})"
    return ""


def _wait_for_arrival(context: Context, hosted: HostedReplica, payload: Drain) -> None:
    """Wait for the cycle that the payload names; raises DeadlineExceeded if it did not arrive."""
    if payload.at_least_seq is None or payload.at_least_epoch not in (None, hosted.setup.epoch):
        return
    while hosted.received_seq() < payload.at_least_seq:
        if context.left_seconds() <= 0:
            raise errors.DeadlineExceeded(
                f"{hosted} has cycle {hosted.received_seq()}, not {payload.at_least_seq}.",
                do="Run the last cycle again, or fail over to the newest point that is here.",
            )
        time.sleep(ARRIVAL_POLL_SECONDS)


def _seal(hosted: HostedReplica) -> tuple[str | None, str]:
    state, taken_at = hosted.replica.state, hosted.processed_at
    if taken_at is None:
        return None, ", nothing is newer than the newest point"
    if not state.unsealed:
        return (
            None,
            f", nothing is newer than the newest point: nothing was written until {journal.spoken(taken_at)}",
        )
    point_id = points.point_id(taken_at, state.epoch, state.processed_seq)
    body = {
        "point_id": point_id,
        "consistency": "crash",
        "machine_name": hosted.setup.machine_name,
        "definition": _newest_definition(hosted),
    }
    try:
        sealed = hosted.replica.seal(body, taken_at=taken_at)
    except datapath_errors.HeadTorn as torn:
        # in an unfinished pass the head matches no instant of the machine: the newest point is the latest
        # that can start
        return None, f", no new point: {torn.message}"
    return sealed.point_id, f", {sealed.sentence}"


def _newest_definition(hosted: HostedReplica) -> dict[str, object]:
    for record in reversed(hosted.replica.points()):
        try:
            return hosted.definition(record).model_dump(mode="json")
        except errors.PointDamaged:
            continue
    return hosted.setup.definition.model_dump(mode="json")


def list_points(context: Context, _payload: Nothing) -> tuple[str, Points]:
    hosted = context.hosted()
    if hosted.replica.changed_bases():
        passing = suppress(datapath_errors.ImageProblem, errors.OldDiskAway)
        with context.alone(hosted, "looking at its files"), passing:
            old_disks.look(hosted)
    shapes = hosted.points
    return counted(len(shapes), "recovery point"), Points(points=shapes)


def hold_point(context: Context, payload: HoldPoint) -> tuple[str, Points]:
    """Put a hold on a point. It is durable here, so retention spares the point with or without a vault."""
    hosted = context.hosted()
    with context.alone(hosted, "holding a point"):
        hosted.record(payload.point_id)
        sentence = hosted.replica.hold(payload.point_id, payload.reason)
        hosted.delayed.hold(payload.point_id)
        shapes = hosted.refresh()
    return sentence, Points(points=shapes)


def release_point(context: Context, payload: ReleasePoint) -> tuple[str, Points]:
    """End the hold that is meant. Raises ChangedMeanwhile for another one, which somebody else may need."""
    hosted = context.hosted()
    with context.alone(hosted, "releasing a point"):
        held = hosted.record(payload.point_id).held
        if payload.reason not in (None, held):
            raise errors.ChangedMeanwhile.hold(payload.point_id, held)
        if held is not None:
            hosted.delayed.release(payload.point_id)
        sentence = hosted.replica.release(payload.point_id)
        shapes = hosted.refresh()
        hosted.wants_trim = True
    context.parts.work.wanted(hosted)
    return sentence, Points(points=shapes)


def verify_point(context: Context, payload: PointOrder) -> tuple[str, Nothing]:
    """Read a whole point at full speed; cycles go on meanwhile. The result is recorded with the point."""
    hosted = context.hosted()
    size_bytes = sum(disk.size_bytes for disk in hosted.record(payload.point_id).manifest.disks)
    told = scrub.teller(size_bytes, context.progress)
    verdict = scrub.verify(hosted, payload.point_id, lambda: context.left_seconds() <= 0, told)
    if not verdict.ok:
        raise errors.PointDamaged(f"Not as it was sealed: {verdict.sentence}.")
    return f"{verdict.sentence} ({size(verdict.read_bytes)} read in {span(verdict.seconds)})", Nothing()
