"""The last points of a replication group's machines belong together once all of them are off (S-078).

A plan's planned failover shuts all machines down before the first one starts, so what they hold then is one instant. The id is given out
with the run; each machine's last point bears it only if, once that machine is off, none of the others has gone back: a machine that ran
on would have said something to the others that its point does not know.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ....domain import groups
from ....domain.lifecycle import State
from ....jobs.model.context import StepContext
from ....jobs.storage import read
from ...store import MachineRecord, Transaction
from ..deps import Deps


def shared_by(tx: Transaction, machines: Iterable[MachineRecord], now: datetime) -> Mapping[str, str]:
    """The id of the common point, by the id of each machine whose replication group is among `machines` with all its members."""
    taken = list(machines)
    ids = {each.id for each in taken}
    names = {each.group for each in taken if each.group is not None}
    whole = {name for name in names if ids.issuperset(each.id for each in tx.groups.members(name))}
    return {each.id: groups.set_id(each.group, now) for each in taken if each.group and each.group in whole}


def still_shared(deps: Deps, ctx: StepContext, set_id: str | None) -> str | None:
    """`set_id` if every member of the machine's group is still on its way in the same run; asked once the machine is off."""
    if set_id is None:
        return None
    with deps.store.reading() as tx:
        machine = tx.machines.get(str(ctx.subject))
        members = tx.groups.members(machine.group) if machine.group else ()
        run = read.get(tx.session, ctx.job_id).parent_job_id
        together = bool(members) and all(_is_in(tx, each, run) for each in members)
    return set_id if together else None


def _is_in(tx: Transaction, member: MachineRecord, run: str | None) -> bool:
    """Its job belongs to the run, and it has not gone back."""
    job = read.find(tx.session, member.job_id) if member.job_id else None
    is_under_way = member.state is State.PLANNED_FAILING_OVER
    return is_under_way and job is not None and run is not None and job.parent_job_id == run
