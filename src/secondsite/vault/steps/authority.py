"""Authority over a machine: only the job that claimed it last may act on it; likewise for its drill.

Every claim raises the machine's generation, or its drill's. Orders carry it, and appliances refuse one with a
lower number than they have seen: so a job that was retried late, or resumed from a restored database, is
stopped here or there.
"""

from collections.abc import Mapping, Sequence

from ...domain import errors, shell
from ...domain.lifecycle import Verb
from ...jobs.model.views import JobView
from ...jobs.storage import read, search
from ..store import MachineRecord, Transaction

BESIDE_THE_LIFECYCLE = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER})
"""Verbs of drills, which neither have nor need authority over the machine itself; they have numbers of their
own."""
CLAIMING = frozenset(verb.value for verb in Verb if verb not in BESIDE_THE_LIFECYCLE)
LOOKED_AT = 200
SHORT = 10


def highest(tx: Transaction, machine: MachineRecord, verb: str | None = None) -> int:
    """The highest number that was given for the machine, by this vault or another one; for its drill if the
    verb is of a drill."""
    return max(_numbers(tx, machine, verb))


def highest_of(tx: Transaction, machines: Sequence[MachineRecord], verb: str) -> Mapping[str, int]:
    """As `highest`, for many machines, by id."""
    drills = verb in BESIDE_THE_LIFECYCLE
    seen = tx.statuses.generations([machine.id for machine in machines], of_drills=drills)
    return {
        each.id: max(each.drill_generation if drills else each.generation, seen.get(each.id, 0))
        for each in machines
    }


def epoch(tx: Transaction, machine: MachineRecord) -> int:
    """The machine's epoch, or a later one of the same direction in which both sides already replicate: a
    vault that was restored may know an earlier one. Each reprotect turns the direction and begins the next
    epoch, so in the same direction they differ by an even number."""
    source, replica = tx.statuses.epochs(machine.id)
    if source is None or source != replica:
        return machine.epoch
    ahead = source - machine.epoch
    return machine.epoch + ahead if ahead > 0 and ahead % 2 == 0 else machine.epoch


def claimed(tx: Transaction, machine_id: str, verb: str, job_id: str) -> MachineRecord:
    """The machine, for its job; raises StaleOrder, which names the later job, unless this job claimed the
    machine, or its drill, last. Called whenever a step runs: appliances refuse its orders once they have seen
    a later verb's. The job itself is not read while all is well."""
    machine, seen = tx.machines.get_with_seen(machine_id)
    of_drill = verb in BESIDE_THE_LIFECYCLE
    by = machine.drill_claimed_by if of_drill else machine.claimed_by
    is_passed = (
        seen.drill_generation > machine.drill_generation if of_drill else seen.generation > machine.generation
    )
    if by != job_id or is_passed:
        require(tx, machine, read.get(tx.session, job_id))
    return machine


def require(tx: Transaction, machine: MachineRecord, job: JobView) -> None:
    """Raises StaleOrder, which names the later job, unless this job claimed the machine, or its drill,
    last."""
    later = _later_job(tx, machine, job)
    if later is not None:
        raise _superseded(machine, job, later)
    own, seen = _numbers(tx, machine, job.name)
    if seen > own:
        raise errors.StaleOrder(
            f"The appliances of {machine.name} have seen orders of generation {seen}; {_name(job)} is of "
            f"generation {own}. This vault was restored from a backup, or another vault has acted meanwhile.",
            do=_again(machine, job),
        )


def _numbers(tx: Transaction, machine: MachineRecord, verb: str | None) -> tuple[int, int]:
    """The machine's own number, and the highest that its appliances have seen."""
    if verb in BESIDE_THE_LIFECYCLE:
        return machine.drill_generation, tx.statuses.drill_generation(machine.id)
    return machine.generation, tx.statuses.generation(machine.id)


def _later_job(tx: Transaction, machine: MachineRecord, job: JobView) -> JobView | None:
    of_drill = job.name in BESIDE_THE_LIFECYCLE
    claimed_by = machine.drill_claimed_by if of_drill else machine.claimed_by
    if claimed_by is not None:
        return None if claimed_by == job.id else _job(tx, claimed_by, job)
    if of_drill:
        return None
    found = search.find(tx.session, search.JobQuery(subject=machine.id), LOOKED_AT)
    claiming = [each for each in found if each.name in CLAIMING]
    newest = max(claiming, key=lambda each: (each.started_at or each.created_at, each.id), default=job)
    return None if newest.id == job.id else newest


def _job(tx: Transaction, job_id: str, otherwise: JobView) -> JobView:
    """The job with this id; `otherwise` if it is no longer recorded."""
    return read.find(tx.session, job_id) or otherwise


def _superseded(machine: MachineRecord, job: JobView, later: JobView) -> errors.StaleOrder:
    who = f"{_name(later)} came later" if later.id != job.id else "A later job came"
    return errors.StaleOrder(
        f"{who} and has taken {machine.name}, which is {machine.state} now: what {_name(job)} found before "
        "may no longer be true, so it does not act.",
        do=_again(machine, job),
    )


def _name(job: JobView) -> str:
    return f"Job {job.id[:SHORT]} ({_typed(job)})"


def _again(machine: MachineRecord, job: JobView) -> str:
    return (
        f"Look at it with 'secondsite machine show {shell.arguments(machine.name)}', and start the verb "
        "again if it is still wanted: "
        f"'secondsite machine {_typed(job)} {shell.arguments(machine.name)}'."
    )


def _typed(job: JobView) -> str:
    return job.name.replace("_", "-")
