"""A frozen view of a machine at its source, opened and read as its first cycle would, which leaves nothing
behind. A machine whose last cycle is fresh needs none."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from ....domain import errors
from ....ground.plural import counted
from ....wire.control.checks import CheckSource, ObstacleShape, TriedView
from ...source import CycleInterrupted, Source
from ..context import Context

FRESH_SECONDS = 60.0
Result = tuple[TriedView | None, Sequence[ObstacleShape]]


def view(context: Context, payload: CheckSource) -> Result:
    """What was tried, and what is in the way; neither if the machine is not there. Changes nothing."""
    machine = context.fabric.inventory.get(payload.fabric_id)
    if machine is None:
        return None, ()
    disks = payload.disks or tuple(disk.key for disk in machine.definition.disks)
    source = context.parts.replication.find(context.order.machine_id or "")
    if source is not None:
        return _of_protected(context, source, disks)
    if machine.tag is not None:
        return _not_tried("the machine carries the mark of a protection that is not known here")
    return _try(context, machine.fabric_id, disks)


def _of_protected(context: Context, source: Source, disks: Sequence[str]) -> Result:
    if source.fenced:
        return _not_tried("the machine must not run here")
    if source.sent_at is not None and source.power is not None:
        age = (datetime.now(UTC) - source.sent_at).total_seconds()
        if abs(age) < FRESH_SECONDS:
            return _not_tried(f"its cycle of {max(0, round(age))} s ago proves it")
    with source.try_lock("trying a view of it") as locked:
        if not locked:
            return _not_tried("a cycle or an order has the machine now")
        return _try(context, source.setup.fabric_id, disks, source.interrupt)


def _try(
    context: Context, fabric_id: str, disks: Sequence[str], interrupt: threading.Event | None = None
) -> Result:
    try:
        seconds = context.parts.replication.view_trials.run(fabric_id, disks, interrupt)
    except CycleInterrupted as reason:
        return _not_tried(reason.message)
    except errors.SecondsiteError as problem:
        blocking = not isinstance(problem, errors.DeadlineExceeded | errors.NotPossibleNow)
        what = f"A view of its {counted(len(disks), 'disk')} failed when it was tried: {problem.message}"
        return None, (ObstacleShape(what=what, do=problem.do, blocking=blocking),)
    return TriedView(disks=len(disks), seconds=seconds), ()


def _not_tried(why: str) -> Result:
    return TriedView(why_not=why), ()
