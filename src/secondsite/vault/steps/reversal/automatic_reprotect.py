"""Automatic reprotect: once a planned failover is committed, the machine is protected back by itself (S-153,
C-10).

Whether it will be is decided in a step of the commit, where people read it; the job begins in the transaction
that ends the commit: once, or not at all. After an unplanned failover nothing begins by itself: somebody has
to look at the site that was lost first.
"""

from ....domain.lifecycle import State, Verb
from ....jobs.model.context import StepContext
from ....jobs.model.definitions import Hook
from ....jobs.model.outcomes import Done, Outcome, Skipped
from ....jobs.model.views import JobView
from ....jobs.storage import read
from ....jobs.storage.database import Session
from ....wire.common.base import Shape
from ...store import MachineRecord
from ..absent_site.declaration import WithoutSite
from ..claim import claimed
from ..deps import Deps

KEY = "reverse_replication"
WHO = "secondsite"


class Follows(Shape):
    """Whether a reprotect follows the commit."""

    begins: bool = False


class FollowingReprotect(Shape):
    """The commit that the reprotect follows; None if a person asked for it. Everything else has its
    default."""

    because: str | None = None


def foretell(deps: Deps, ctx: StepContext, machine: MachineRecord) -> Outcome:
    """Says whether the machine is protected back once this job has ended, and if not, why."""
    why = _why_not(deps, ctx, machine)
    if why is not None:
        return Skipped(why)
    sentence = (
        f"{machine.name} is protected back to {machine.source_site} by itself, by a job that begins when "
        "this one ends"
    )
    return Done(sentence, Follows(begins=True))


def _why_not(deps: Deps, ctx: StepContext, machine: MachineRecord) -> str | None:
    if machine.state is not State.PLANNED_COMMITTING:
        return (
            "after an unplanned failover nothing begins by itself: look at the site that was lost, then "
            "reprotect"
        )
    given_up = ctx.arguments(WithoutSite).without_site
    if given_up is not None:
        return f"site {given_up} was given up, so there is nothing to replicate to or from"
    with deps.store.reading() as tx:
        pair = tx.pairs.between(machine.source_site, machine.target_site)
    if not pair.reverse_after_commit:
        return (
            f"between {pair.first} and {pair.second} nothing begins by itself: that is their setting; a "
            "person reprotects"
        )
    return None


def begin(deps: Deps, ended: Hook) -> Hook:
    """For the commit's `on_success`: after `ended`, start the reprotect that was announced."""

    def start(session: Session, job: JobView) -> None:
        ended(session, job)
        tx = deps.store.within(session)
        machine = tx.machines.by_id(str(job.subject))
        said = read.facts_of(session, job.id, KEY, Follows)
        if machine is None or machine.state is not State.COMMITTED or said is None or not said.begins:
            return
        follows = deps.submit(
            session,
            Verb.REPROTECT.value,
            subject=machine.id,
            subject_name=machine.name,
            arguments=FollowingReprotect(because=job.id),
            requested_by=WHO,
        )
        tx.machines.put(claimed(tx, machine, Verb.REPROTECT, follows))

    return start


def failed(job: JobView) -> bool:
    """Whether the job is such a reprotect, and failed."""
    ours = job.name == Verb.REPROTECT.value and job.arguments.get("because") is not None
    return ours and job.error is not None
