"""What changed until an instant, read while the machine writes on.

    (what changed, written out and read live)* > freeze > what changed since, held by the agent > thaw > read

So the machine stands still only for its last changes, and a slow way to the target costs it nothing. What was
read live and written again is read again: at the end each block is as it was at the instant."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...datapath.disks import CollectedDisk, NbdDisk
from ...datapath.errors import DatapathError
from ...datapath.extents import BLOCK_BYTES
from ...domain import errors
from ...ground.units import GiB, MiB
from ..interface import SessionRequest
from .conversation import Conversation, LastHold, OpenedView
from .link import AgentRefused

SMALL_BYTES = 4 * MiB
"""So little may be left for the freeze."""
MOST_BYTES, SHARE = 1 * GiB, 4
"""So much may be kept here if the caller says nothing, and a fourth of what is free: more goes to the target
as it is read."""
FAILED = "failed"
MOST_ROUNDS = 8
SHRINKS = 0.7
"""A round that reads more than this share of the one before is the last: the machine writes as fast as it is
read."""


@dataclass(frozen=True, slots=True)
class ViewedPart:
    """A disk of a view: its key here, what the agent calls it, and its size."""

    key: str
    theirs: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Collected:
    """All disks at the instant."""

    taken_at: datetime
    pause_seconds: float
    frozen: OpenedView
    disks: Mapping[str, CollectedDisk]


class TooMuch(Exception):
    """More changed than may be kept here; nothing is lost by that."""


def collect(stack: ExitStack, agent: Conversation, parts: Sequence[ViewedPart], request: SessionRequest,
            base: str, last: LastHold | None = None) -> Collected:  # fmt: skip
    """Read what changed since the base until an instant of now; the `last` one if the machine is to stand
    still from then on. What was read ends with the stack. Raises AgentRefused as the conversation does,
    TooMuch, and FabricError; the agent has no view open then."""
    try:
        return _collected(stack, agent, parts, request, base, last)
    except BaseException as problem:
        with contextlib.suppress(errors.FabricError):
            agent.close_view()
        if isinstance(problem, DatapathError | OSError):
            raise _unreadable(request.fabric_id, problem) from problem
        raise


def _collected(stack: ExitStack, agent: Conversation, parts: Sequence[ViewedPart], request: SessionRequest,
               base: str, last: LastHold | None) -> Collected:  # fmt: skip
    wanted = MOST_BYTES if request.scratch_bytes is None else request.scratch_bytes
    most_bytes = min(wanted, shutil.disk_usage(request.scratch_dir).free // SHARE)
    disks = {part.key: CollectedDisk(request.scratch_dir, part.size_bytes) for part in parts}
    for disk in disks.values():
        stack.callback(disk.close)
    with agent.readers() as socket:
        reading = _Reading(request.fabric_id, socket, parts, disks, most_bytes)
        since = _read_ahead(agent, reading, request.new_checkpoint, base)
        with request.instant():
            taken_at, began = datetime.now(UTC), time.monotonic()
            frozen = agent.open_frozen(
                base, request.new_checkpoint, since, app=request.app_consistent, last=last
            )
            pause = time.monotonic() - began
        reading.read(frozen)
    if last is None:
        agent.close_view()
    return Collected(taken_at, pause, frozen, disks)


def _read_ahead(agent: Conversation, reading: _Reading, checkpoint: str, base: str) -> str:
    """Read live until little changes; the name of the last view."""
    since, before = "", float("inf")
    for number in range(MOST_ROUNDS):
        name = f"{checkpoint}.{number}.{secrets.token_hex(2)}"
        try:
            view = agent.open_live(base, name, since, flushed=True)
        except AgentRefused as refused:
            if refused.code == FAILED and not number:
                break  # the file systems stand still for a common instant: all is in its view
            raise
        changed = reading.read(view)
        since = name
        if changed <= SMALL_BYTES or changed > SHRINKS * before:
            break
        before = changed
    return since


@dataclass(slots=True)
class _Reading:
    """Reads views into what is collected. What the agent tells is not believed: it could fill this host's
    disk."""

    fabric_id: str
    socket: Path
    parts: Sequence[ViewedPart]
    disks: Mapping[str, CollectedDisk]
    left_bytes: int

    def read(self, view: OpenedView) -> int:
        """How many bytes changed, by what was told."""
        told = left = sum(view.dirty_blocks or ()) * BLOCK_BYTES
        if told > self.left_bytes:
            raise TooMuch
        self.left_bytes -= told
        for part in self.parts:
            with NbdDisk(self.socket, part.theirs, bitmaps=(view.bitmap,), one_connection=True) as disk:
                dirty = disk.dirty() if disk.size_bytes == part.size_bytes else None
                left -= sum(each.length for each in dirty or ())
                if dirty is None or left < 0:
                    raise _contradicts_itself(self.fabric_id)
                self.disks[part.key].keep(disk.read_many(dirty))
        return told


def _unreadable(fabric_id: str, problem: Exception) -> errors.FabricError:
    message = problem.message if isinstance(problem, DatapathError) else str(problem)
    return errors.FabricError(
        f"What changed on the disks of machine {fabric_id} could not be read: {message}.",
        do="Look at the network between the machine and this appliance, and at the space of its scratch "
        "folder; it is tried again.",
    )


def _contradicts_itself(fabric_id: str) -> errors.FabricError:
    return errors.FabricError(
        f"The agent of machine {fabric_id} tells less of its disks than it gives.",
        do="Bring it to this release; if it has it, find out what speaks in its place.",
    )
