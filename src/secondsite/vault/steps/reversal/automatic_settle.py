"""Automatic settle: the disks of a machine that a commit has left at its second site move to that site's own
storage by themselves, if its own setting or that of its two sites says where.

A reprotect would end the move. So it begins in the transaction that ends the reprotect, if that follows the
commit by itself, and else in the one that ends the commit."""

from ....domain.lifecycle import RUNS_AT_TARGET_AT_REST, Verb
from ....jobs.model.definitions import Hook
from ....jobs.model.views import JobView
from ....jobs.storage.database import Session
from ....wire.rest.verbs import SettleOptions
from ...store import MachineRecord, Transaction
from ..claim import claimed
from ..deps import Deps
from .automatic_reprotect import WHO


def begin(deps: Deps, ended: Hook) -> Hook:
    """For the `on_success` of commit and reprotect: after `ended`, start the move that the setting asks
    for."""

    def start(session: Session, job: JobView) -> None:
        ended(session, job)
        tx = deps.store.within(session)
        machine = tx.machines.by_id(str(job.subject))
        asked = None if machine is None or machine.job_id is not None else _asked(tx, machine)
        if machine is None or asked is None:
            return
        follows = deps.submit(
            session,
            Verb.SETTLE.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments=asked,
            requested_by=WHO,
        )
        tx.machines.put(claimed(tx, machine, Verb.SETTLE, follows))

    return start


def failed(job: JobView) -> bool:
    """Whether the job is such a move, and failed."""
    return job.name == Verb.SETTLE.value and job.requested_by == WHO and job.error is not None


def _asked(tx: Transaction, machine: MachineRecord) -> SettleOptions | None:
    """Where the disks go; None: nowhere, or the machine is at home, where it has disks of its own."""
    is_at_target = machine.state in RUNS_AT_TARGET_AT_REST
    is_home = machine.reversed if is_at_target else not machine.is_away
    if is_home:
        return None
    pair = tx.pairs.between(machine.source_site, machine.target_site)
    place = (pair.settle or {}).get(machine.target_site if is_at_target else machine.source_site)
    has = {*machine.disks, *machine.left_out}
    disks = {key: own for key, own in tx.properties.find(machine.id).settle.items() if key in has}
    return SettleOptions(place=place, disks=disks) if place or disks else None
