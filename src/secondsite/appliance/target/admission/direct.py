"""Writes cycles without the inbox: those of a pass over whole disks go to the head as they arrive.

Between the slices of a pass the head matches no instant of the machine, so a second copy would protect
nothing. Whoever needs the replica cuts the connection and has it at once; the slice is sent again. If the
replica is locked or not ready, the cycle goes through the inbox as usual."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import structlog

from ....datapath.cycles import CycleHeader
from ....datapath.frames import Frame
from ....datapath.transfer import CycleRefused, Write
from ....domain import errors
from ....ground import seams
from ..apply import Applier
from ..replica import IN_USE, HostedReplica

READY_SECONDS = 8.0
"""How long to wait, in seconds, for the replica's lock and for waiting cycles; the source waits meanwhile."""

log = structlog.get_logger(__name__)


@contextmanager
def writing(
    hosted: HostedReplica,
    work: Applier,
    header: CycleHeader,
    check: Callable[[], None],
    cut: Callable[[], None],
) -> Iterator[Write | None]:
    """Lock the replica and yield a function that writes to it; None if the cycle must go through the inbox.
    `check` raises CycleRefused if the cycle does not fit the locked replica."""
    with ExitStack() as stack:
        if not (hosted.replica.takes_parts(header) and _ready(stack, hosted, work, header, cut)):
            stack.close()
            yield None
            return
        check()
        yield lambda frames, came_whole: _write(hosted, work, header, frames, came_whole)


def _ready(
    stack: ExitStack, hosted: HostedReplica, work: Applier, header: CycleHeader, cut: Callable[[], None]
) -> bool:
    """Whether the replica is locked and has applied all earlier cycles."""
    try:
        stack.enter_context(hosted.lock("receiving a pass", READY_SECONDS, cut))
        work.catch_up(hosted, READY_SECONDS)
    except errors.SecondsiteError as error:
        log.debug("replica.not-ready", machine=hosted.machine_id, problem=error.message)
        return False
    return hosted.replica.takes_parts(header)


def _write(
    hosted: HostedReplica,
    work: Applier,
    header: CycleHeader,
    frames: Iterator[Frame],
    came_whole: Callable[[], bool],
) -> None:
    anew = header.base_seq is None
    if not anew:
        # As in the inbox: a cycle built on an older one is a superset, and fits.
        header = dataclasses.replace(header, base_seq=None)
    seams.reach("appliance.direct.begun")
    try:
        applied = hosted.replica.apply(header, frames, came_whole=came_whole)
    except errors.StoreFull as error:
        if not work.free_space(hosted):
            hosted.findings.add("target-store-full", error.message)
        raise CycleRefused("target-disk-full", error.message, do=error.do) from error
    finally:
        work.wanted(hosted)
    seams.reach("appliance.direct.applied")
    if not applied.torn:
        if anew:
            hosted.verdicts.compared(header.epoch, header.seq)
        hosted.findings.clear("replica-damaged", IN_USE)
        hosted.findings.clear("target-store-full")
    if applied.point_id is not None:
        hosted.refresh(only_new=True)
        hosted.wants_trim = True
    log.debug(
        "cycle.written", machine=hosted.machine_id, seq=header.seq, torn=applied.torn, seconds=applied.seconds
    )
