"""The copy of a machine whose protection ends, at the site where the machine itself is not, as far as the
vault knows."""

from ...domain import errors
from ...fabrics.interface import MachineSummary, PowerState
from . import runs
from .context import Context

WHY = "Its protection ended, and the machine may run at the other site."


def require_off(context: Context) -> None:
    """Fence what carries the machine's tag here. Raises NotPossibleNow while it runs, here or on another
    host: its power is not cut, because it may be the only copy; but once its protection has ended nothing
    watches it."""
    for found in runs.tagged(context):
        _fence(context, found)
        power = context.fabric.power.state(found.fabric_id)
        if power.is_on:
            raise errors.NotPossibleNow(
                f"{found.name} runs at this site, and may run at the other one too, so it is not let go of. "
                "When it is off it does not start again.",
                do="Shut this copy down, then retry the job. If this is the copy that you need, start it "
                "after that: it is yours then.",
            )
        if power is PowerState.ELSEWHERE:
            raise errors.NotPossibleNow(
                f"{found.name} was live-migrated from here, or another host has its disks open, and it may "
                "run at the other site too, so it is not let go of.",
                do="Shut that copy down where it runs, and remove the definition here ('virsh undefine'; "
                "its disks stay). Then retry the job.",
            )


def _fence(context: Context, found: MachineSummary) -> None:
    replication = context.parts.replication
    source = replication.find(context.machine_id)
    if source is None:
        replication.fences.raise_unknown(context.machine_id, found.fabric_id, WHY)
        return
    if not source.progress.paused:
        source.change(paused=True)
    replication.fences.raise_(source, WHY)
