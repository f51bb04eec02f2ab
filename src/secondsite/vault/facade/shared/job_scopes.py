"""Which jobs a caller sees, and may run again."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from ....domain.access.roles import Permission
from ....domain.lifecycle import Verb
from ....jobs.model.views import JobView
from ....jobs.storage import search
from ....wire.rest import OtherJobKind
from ...plan_runs.arguments import PLAN_RUN
from ...steps.batch import BATCH
from ...store import MachineRecord, Transaction
from ..callers import Caller
from ..parts import Parts
from ..refusals import SCHEDULE

Arguments = Mapping[str, JsonValue]
OF_SEVERAL = frozenset({PLAN_RUN, BATCH, OtherJobKind.DRAIN_HOST.value})
OPERATED = frozenset({OtherJobKind.VERIFY_POINT, OtherJobKind.RESTORE_COPY, OtherJobKind.DRAIN_HOST})
_NEEDED: Mapping[str, Permission] = {
    **dict.fromkeys(OPERATED, Permission.OPERATE),
    OtherJobKind.FETCH_FILES: Permission.READ_FILES,
}
LEFT_FOR_LATER = frozenset({OtherJobKind.FINISH_LATER, OtherJobKind.END_REPLICATION_LATER})


def sees(parts: Parts, tx: Transaction, job: JobView) -> bool:
    """Whether the caller sees the job: it is in the scope of its machine's sites. A job whose machine is gone
    is seen by whoever started it; one for several machines, if all of them are in the scope."""
    if parts.sees() or _is_by(parts.caller, job):
        return True
    concerned = _machines(job)
    there = {each.id: each for each in tx.machines.several([machine_id for machine_id, _ in concerned])}
    # the machines of a job of another release may not be known here
    return bool(concerned) and all(
        _is_in_scope(parts, there.get(machine_id), arguments) for machine_id, arguments in concerned
    )


def scope_of(parts: Parts, tx: Transaction) -> search.Scope | None:
    """The scope for a query that leaves out most jobs that the caller does not see: weeks of jobs of another
    site's machines are not read. `sees` decides on the others. None: the caller sees all jobs."""
    site = parts.caller.grant.site
    if site is None:
        return None
    words = (("source_site", site), ("target_site", site))
    return search.Scope(parts.caller.name, OF_SEVERAL, tx.machines.ids_of_site(site), words)


def require_again(caller: Caller, job: JobView) -> str:
    """The verb of the job. Raises Forbidden if the caller may not start it."""
    word = str(job.arguments.get("verb", job.name))
    if word in set(Verb):
        caller.require_verb(Verb(word), None)
        for _, arguments in _machines(job):
            site = arguments.get("without_site")
            caller.require_verb(Verb(word), None if site is None else str(site))
        return word
    needed = _NEEDED.get(word, Permission.GIVE_UP)
    caller.require(needed, f"let a job '{word}' run again")
    return word


def require_cancel(caller: Caller, job: JobView) -> None:
    """Raises Forbidden if the caller may not give up what the job still has to do at a site that was away."""
    if job.name in LEFT_FOR_LATER:
        caller.require(Permission.GIVE_UP, f"cancel a job '{job.name}'")


def _is_by(caller: Caller, job: JobView) -> bool:
    """Whether the caller started the job. Names are used again: what was started before the token was made
    was started by an earlier token of that name."""
    if job.requested_by.startswith(SCHEDULE):  # a token of an earlier release may have such a name
        return False
    return job.requested_by == caller.name and caller.since is not None and job.created_at >= caller.since


def _machines(job: JobView) -> Sequence[tuple[str, Arguments]]:
    if job.name == PLAN_RUN:
        taken = [each for group in _objects(job.arguments, "groups") for each in _children(group)]
        return [*taken, *_beside(job.arguments)] if taken else []
    return list(_children(job.arguments)) if job.name in OF_SEVERAL else [(job.subject or "", job.arguments)]


def _beside(run: Arguments) -> Iterator[tuple[str, Arguments]]:
    """The machines of the plan that the run leaves out: the job names them."""
    found = run.get("beside")
    for each in found if isinstance(found, list) else ():
        yield str(each), {}


def _objects(of: Arguments, name: str) -> Iterator[Arguments]:
    found = of.get(name)
    for each in found if isinstance(found, list) else ():
        assert isinstance(each, dict)
        yield each


def _children(of: Arguments) -> Iterator[tuple[str, Arguments]]:
    for each in _objects(of, "children"):
        arguments = each.get("arguments")
        yield str(each.get("machine_id")), arguments if isinstance(arguments, dict) else {}


def _is_in_scope(parts: Parts, machine: MachineRecord | None, arguments: Arguments) -> bool:
    if machine is not None:
        return parts.sees(machine.source_site, machine.target_site)
    sites = (arguments.get("source_site"), arguments.get("target_site"))
    return parts.sees(*(str(site) for site in sites if site is not None))
