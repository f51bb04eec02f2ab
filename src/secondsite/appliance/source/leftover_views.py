"""Ends what a frozen view leaves behind: an open view, and its checkpoint.

At any time a machine has one base, and one checkpoint more while a cycle is in flight. A failed attempt's
checkpoint goes at once; what could not be removed then, or was left by a dead process, goes before the
machine's next cycle, or when the watch comes by."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Protocol

import structlog

from ...datapath.disks import NbdDisk
from ...datapath.extents import Extent
from ...datapath.transfer import ReadableDisk
from ...domain import errors
from ...fabrics.interface import ChangeSession, DiskChanges, Fabric
from .machine import Source

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 60.0
CONNECTIONS = 2
"""How many connections an NbdDisk makes if it may."""


class ViewedDisk(ReadableDisk, Protocol):
    """A disk of a view."""

    def dirty(self, offset: int = 0, length: int | None = None) -> list[Extent]: ...
    def allocation(self, offset: int, length: int) -> list[Extent]: ...
    def pread(self, length: int, offset: int) -> bytes: ...


def settle(fabric: Fabric, source: Source) -> None:
    """End a view that was left open. The caller has locked the source. Raises the fabric's errors."""
    if not source.tidy:
        fabric.tracking.end_left_over(source.setup.fabric_id)


def tidy_up(fabric: Fabric, source: Source) -> None:
    """Drop all checkpoints but the acknowledged one; what fails is tried again."""
    try:
        fabric.tracking.acknowledge(source.setup.fabric_id, source.progress.base)
        source.tidy = True
    except errors.SecondsiteError as error:
        log.warning("checkpoint.not-dropped", machine=source.machine_id, problem=error.message)


@contextmanager
def attempt(fabric: Fabric, source: Source) -> Iterator[None]:
    """Around a view and its cycle: if the cycle fails, nothing of it stays."""
    source.tidy = False
    try:
        yield
    except BaseException:
        sweep(fabric, source)
        raise


def sweep(fabric: Fabric, source: Source) -> bool:
    """Remove what a cycle left behind, if that is possible now; True if nothing is left. The caller has
    locked the source."""
    if not source.tidy:
        try:
            settle(fabric, source)
        except errors.SecondsiteError as error:
            log.warning("view.not-ended", machine=source.machine_id, problem=error.message)
        else:
            tidy_up(fabric, source)
    return source.tidy


@contextmanager
def read(session: ChangeSession, answer_seconds: float = ANSWER_SECONDS) -> Iterator[list[ViewedDisk]]:
    """The disks of a view, open for reading. The job ends before its readers disconnect: QEMU before 9.0
    may abort when a reader goes away from an open one. Connections that are too many would be waited for
    for ever."""
    most = session.most_connections
    few = most is not None and most < CONNECTIONS * len(session.disks)
    with ExitStack() as readers:
        try:
            yield [readers.enter_context(_opened(disk, few, answer_seconds)) for disk in session.disks]
        finally:
            session.abandon()


def _opened(
    disk: DiskChanges, one_connection: bool, answer_seconds: float
) -> AbstractContextManager[ViewedDisk]:
    if disk.collected is not None:
        return nullcontext(disk.collected)
    return NbdDisk(
        disk.socket,
        disk.export,
        bitmaps=disk.bitmaps,
        one_connection=one_connection,
        io_seconds=answer_seconds,
    )
