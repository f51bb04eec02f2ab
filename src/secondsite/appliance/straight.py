"""Cycles that need no inbox: those of a pass over whole disks go to the head as they come.

Between the slices of a pass the head is no instant of the machine, so there is nothing that a second copy would protect.
Whoever needs the replica meanwhile cuts the connection and has it at once; the slice is sent again. When the replica
is not free, or not ready, the cycle takes the ordinary way through the inbox.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import structlog

from ..datapath import errors as datapath_errors
from ..datapath.cycle_file import CycleHeader
from ..datapath.frames import Frame
from ..datapath.receiver_door import Refused, Write
from ..domain import errors
from ..jobs import seams
from .hosted import Hosted
from .inbox_work import InboxWork

READY_SECONDS = 8.0
"""How long the source waits for the replica to become free, and for what was received before."""

log = structlog.get_logger(__name__)


@contextmanager
def writing(
    hosted: Hosted, work: InboxWork, header: CycleHeader, check: Callable[[], None], cut: Callable[[], None]
) -> Iterator[Write | None]:
    """Hold the replica and give how to write to it; None when the cycle is to go through the inbox. `check` raises
    Refused if the cycle does not fit what the replica is once it is held."""
    with ExitStack() as stack:
        if not (hosted.replica.takes_parts(header) and _ready(stack, hosted, work, header, cut)):
            stack.close()
            yield None
            return
        check()
        yield lambda frames, came_whole: _write(hosted, work, header, frames, came_whole)


def _ready(
    stack: ExitStack, hosted: Hosted, work: InboxWork, header: CycleHeader, cut: Callable[[], None]
) -> bool:
    """Whether the replica is held, and has all that was received before."""
    try:
        stack.enter_context(hosted.hold("receiving a pass", READY_SECONDS, cut))
        work.catch_up(hosted, READY_SECONDS)
    except (errors.SecondsiteError, datapath_errors.DatapathError) as error:
        log.debug("straight.not_ready", machine=hosted.machine_id, problem=error.message)
        return False
    return hosted.replica.takes_parts(header)


def _write(
    hosted: Hosted,
    work: InboxWork,
    header: CycleHeader,
    frames: Iterator[Frame],
    came_whole: Callable[[], bool],
) -> None:
    anew = header.base_seq is None
    if not anew:
        # like in the inbox: built on an older cycle than what is here it is a superset, and fits
        header = dataclasses.replace(header, base_seq=None)
    seams.reach("appliance.straight.begun")
    try:
        applied = hosted.replica.apply(header, frames, came_whole=came_whole)
    except datapath_errors.StoreFull as error:
        if not work.make_room():
            hosted.findings.add("target-store-full", error.message)
        raise Refused("target-disk-full", error.message, do=error.do) from error
    finally:
        work.wanted(hosted)
    seams.reach("appliance.straight.applied")
    if not applied.torn:
        if anew:
            hosted.verdicts.compared(header.epoch, header.seq)
        hosted.findings.clear("replica-damaged")
        hosted.findings.clear("target-store-full")
    if applied.point_id is not None:
        hosted.refresh()
        hosted.wants_trim = True
    log.debug(
        "cycle.written", machine=hosted.machine_id, seq=header.seq, torn=applied.torn, seconds=applied.seconds
    )
