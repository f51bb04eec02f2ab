"""Jobs as the faces show them, and what a person may do with one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ....domain import errors
from ....ground.job_states import MOVING, JobState
from ....jobs.model import asking, failures, plan
from ....jobs.model.views import JobTree, JobView, TaskView
from ....jobs.running import requests
from ....jobs.storage import read, search
from ....jobs.storage.database import Session
from ....wire import rest
from ...steps.batch import BATCH
from ...store import Transaction
from ..parts import ANSWER_SECONDS, Parts
from ..shared import job_scopes, job_shapes, predictions
from ..shared.idempotency import Once, carry_out
from ..shared.paging import Place, page, place_of

EVERY = rest.JobQuery()
SUGGESTED = 4
"""How many ids are suggested when the given beginning of one is ambiguous."""
KINDS = {"job-not-found": errors.NotFound, "no-such-verdict": errors.InvalidArgument}
ALIKE = 100
"""How many ids with one beginning are looked at: some may be of jobs that the caller does not see."""


@dataclass(frozen=True, slots=True)
class FollowedJob:
    """A job as followers see it: each change of its few children, or, of many, how many are in which state.
    `ids` are those of the jobs whose changes matter."""

    job: rest.Job
    tree: Sequence[rest.Job]
    ids: frozenset[str]


class Jobs:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, query: rest.JobQuery = EVERY) -> rest.JobPage:
        """Jobs, newest first, without their tasks. Raises InvalidArgument for a machine's name that several
        have, or a bad cursor."""
        after = _after(query.cursor)
        with self._parts.store.reading() as tx:
            wanted = self._wanted(tx, query)
            found = _all(tx, wanted, query.limit + 1, after)
            seen = (job for job in found if job_scopes.sees(self._parts, tx, job))
            jobs, following = page(seen, query.limit, _place)
            return rest.JobPage(items=self._listed(tx.session, jobs), next=following)

    def list_as_json(self, query: rest.JobQuery = EVERY) -> str:
        """The answer of `list` as JSON; callers with the same scope who ask for the same at once share it."""
        caller = self._parts.caller
        key = query, (None if self._parts.sees() else caller)
        left_seconds = min(self._parts.seconds_left(), ANSWER_SECONDS)
        return self._parts.pages.give(key, lambda: self.list(query).model_dump_json(), left_seconds)

    def show(self, job_id: str) -> rest.Job:
        """One job with its tasks, by its id or an unambiguous beginning of it. Raises NotFound or
        InvalidArgument."""
        with _translated(), self._parts.store.reading() as tx:
            found = self._shown(tx.session, self._existing(tx, job_id))
            if found.state is not rest.JobState.SUCCEEDED:
                return found  # followers of a job ask again and again
            return found.model_copy(update={"timing": predictions.of_run(tx.run_times.of_job(found.id))})

    def picture(self, job_id: str) -> bytes:
        """The screen of the machine that the job started, a PNG. Raises NotFound, also for a job without a
        picture."""
        with _translated(), self._parts.store.reading() as tx:
            full_id = self._existing(tx, job_id)
            found = tx.pictures.find(full_id)
        if found is None:
            raise errors.NotFound(
                f"Job {full_id[:10]} has no picture of a screen.",
                do=(
                    f"See the result of its task Proof: 'secondsite job show {full_id[:10]}'. A machine "
                    "without a video device has no picture."
                ),
            )
        return found.png

    def several(self, job_ids: Sequence[str]) -> Mapping[str, rest.Job]:
        """Those of these jobs that exist, by their whole ids, without their tasks."""
        with self._parts.store.reading() as tx:
            there = search.by_ids(tx.session, job_ids)
            seen = [job for job in there if job_scopes.sees(self._parts, tx, job)]
            return {job.id: job for job in self._listed(tx.session, seen)}

    def followed(self, job_id: str) -> FollowedJob:
        """The job, for its followers. Raises as `show` does."""
        with _translated(), self._parts.store.reading() as tx:
            job = self._shown(tx.session, self._existing(tx, job_id))
            if sum(job.children_by_state.values()) > len(job.children):
                return FollowedJob(
                    job, (job,), frozenset((job.id, *search.ids_of_children(tx.session, job.id)))
                )
            tree = tuple(self._flat(tx.session, read.tree(tx.session, job.id)))
            return FollowedJob(job, tree, frozenset(each.id for each in tree))

    def cancel(self, job_id: str, once: Once | None = None) -> rest.Job:
        """Ask the job to turn back at its next boundary; a held job that cannot turn back ends where it is.
        Raises NotFound, InvalidArgument, NotPossibleNow, or Forbidden for a job that finishes what is left at
        a site that was away."""
        return self._ask(self._parts.jobs.cancel, job_id, once)

    def retry(self, job_id: str, once: Once | None = None) -> rest.Job:
        """Run a failed job again from where it failed. Raises NotFound, InvalidArgument, NotPossibleNow, or
        Forbidden when the caller may not start the job's verb."""
        return self._ask(self._parts.jobs.retry, job_id, once)

    def resume(self, job_id: str, once: Once | None = None) -> rest.Job:
        """Let a held job go on. Raises as `retry` does."""
        return self._ask(self._parts.jobs.resume, job_id, once)

    def answer(self, job_id: str, request: rest.JobAnswer, once: Once | None = None) -> rest.Job:
        """Answer a task that asks a person. Raises NotFound, InvalidArgument for a verdict that the question
        does not offer, or NotPossibleNow if the task does not ask (any more)."""

        def answered() -> rest.Job:
            full_id = self._existing(tx, job_id)
            self._mention(tx, full_id)
            said = asking.GivenAnswer(request.task, request.verdict, request.note, self._parts.caller.name)
            self._parts.jobs.answer(tx.session, full_id, said)
            return self._shown(tx.session, full_id)

        self._parts.understood(request)
        with _translated(), self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.Job, answered)

    def _ask(self, ask: Callable[[Session, str], None], job_id: str, once: Once | None) -> rest.Job:
        def asked() -> rest.Job:
            full_id = self._existing(tx, job_id)
            self._mention(tx, full_id)
            job = read.get(tx.session, full_id)
            if ask == self._parts.jobs.cancel:
                job_scopes.require_cancel(self._parts.caller, job)
            else:
                self._parts.does(job_scopes.require_again(self._parts.caller, job))
            ask(tx.session, full_id)
            return self._shown(tx.session, full_id)

        with _translated(), self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.Job, asked)

    def _mention(self, tx: Transaction, job_id: str) -> None:
        """Name in the act the machines that the job and its child jobs are about."""
        for job in (read.get(tx.session, job_id), *read.children_of(tx.session, job_id)):
            self._parts.mentions(*filter(None, (job.subject, job.subject_name)))

    def _existing(self, tx: Transaction, job_id: str) -> str:
        """The whole id. Raises NotFound, also for a job that the caller does not see, or InvalidArgument."""
        alike = search.ids_beginning(tx.session, job_id, ALIKE)
        if not self._parts.sees():
            alike = [each for each in alike if job_scopes.sees(self._parts, tx, read.get(tx.session, each))]
        return _the_one(job_id, alike)

    def _wanted(self, tx: Transaction, query: rest.JobQuery) -> search.JobQuery:
        subject, name = (None, None) if query.machine is None else self._subject(tx, query.machine)
        return search.JobQuery(
            states=frozenset(query.state),
            subject=subject,
            subject_name=name,
            named=query.search or None,
            verb=query.verb,
            since=query.since,
            before=query.before,
            children=query.children,
            parent=None if query.parent is None else self._existing(tx, query.parent),
            scope=job_scopes.scope_of(self._parts, tx),
        )

    def _subject(self, tx: Transaction, machine: str) -> tuple[str | None, str | None]:
        """The machine's id, or its name. Jobs are kept longer than machines are protected: an id or name that
        no longer exists is used as it is."""
        found = tx.machines.find(machine, self._parts.caller.grant.site)
        if found is not None:
            return found.id, None
        return (machine, None) if search.any_of(tx.session, machine) else (None, machine)

    def _shown(self, session: Session, job_id: str) -> rest.Job:
        children = search.ids_of_children(session, job_id, rest.MOST_CHILDREN)
        job, tasks = self._as_advised(session, read.get(session, job_id), read.tasks_of(session, job_id))
        shape = self._shape(job, tasks, tuple(children))
        by_state = search.children_by_state(session, job_id) if children else {}
        return shape.model_copy(update={"children_by_state": by_state})

    def _flat(self, session: Session, tree: JobTree) -> Iterator[rest.Job]:
        job, tasks = self._as_advised(session, tree.job, tree.tasks)
        yield self._shape(job, tasks, tuple(child.job.id for child in tree.children))
        for child in tree.children:
            yield from self._flat(session, child)

    def _as_advised(
        self, session: Session, job: JobView, tasks: Sequence[TaskView]
    ) -> tuple[JobView, Sequence[TaskView]]:
        """The job and its tasks without the advice to retry it, where that would be refused."""
        advised = partial(requests.advised, session, self._parts.catalogue, job)
        again = [each if each.error is None else replace(each, error=advised(each.error)) for each in tasks]
        return requests.job_as_advised(session, self._parts.catalogue, job), again

    def _listed(self, session: Session, jobs: Sequence[JobView]) -> tuple[rest.Job, ...]:
        """The jobs for a list. What a moving job is doing is read from its tasks."""
        tasks = search.tasks_by_job(session, [job.id for job in jobs if job.state in MOVING])
        known = self._parts.catalogue
        advised = [  # of a thousand child jobs each would be looked at
            job if job.name in job_scopes.OF_SEVERAL else requests.job_as_advised(session, known, job)
            for job in jobs
        ]
        return tuple(self._shape(job, tasks.get(job.id, ()), (), shows_tasks=False) for job in advised)

    def _shape(
        self, job: JobView, tasks: Sequence[TaskView], children: tuple[str, ...], *, shows_tasks: bool = True
    ) -> rest.Job:
        return rest.Job(
            id=job.id,
            verb=job_shapes.verb(job),
            subject=job.subject,
            subject_name=job_shapes.several(job.subject_name) if job.name == BATCH else job.subject_name,
            state=job.state,
            sentence=job_shapes.sentence(job, tasks),
            requested_by=job.requested_by,
            created_at=job.created_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            parent_id=job.parent_job_id,
            children=children,
            tasks=job_shapes.tasks(job, tasks) if shows_tasks else (),
            problem=job_shapes.problem(job.error),
            cancelable=self._is_cancelable(job, tasks),
            waits_for_person=job_shapes.asks_now(job, tasks) is not None,
        )

    def _is_cancelable(self, job: JobView, tasks: Sequence[TaskView]) -> bool:
        if job.state is JobState.HELD:
            return True
        if job.state not in MOVING or job.cancel_requested or job.ending is not None:
            return False
        definition = self._parts.catalogue.find(job)
        if definition is None or not definition.cancelable:
            return False
        return not tasks or plan.can_honour_cancel(tasks, definition)


@contextmanager
def _translated() -> Iterator[None]:
    """Raises the engine's refusals as errors of the domain."""
    try:
        yield
    except failures.Refused as refused:
        kind = KINDS.get(refused.code, errors.NotPossibleNow)
        raise kind(refused.message, do=refused.do) from refused


def _all(
    tx: Transaction, wanted: search.JobQuery, at_once: int, after: search.Place | None
) -> Iterator[JobView]:
    """All matching jobs, read as they are used."""
    while found := search.find(tx.session, wanted, at_once, after):
        yield from found
        after = found[-1].created_at, found[-1].id
        if len(found) < at_once:
            return


def _the_one(beginning: str, found: Sequence[str]) -> str:
    """The id with that beginning. Raises NotFound, or InvalidArgument when several have it."""
    if beginning in found or len(found) == 1:
        return beginning if beginning in found else found[0]
    if found:
        raise errors.InvalidArgument(
            f"Several jobs have ids that begin with '{beginning}'.",
            do=f"Give more of the id: {', '.join(found[:SUGGESTED])}.",
        )
    raise errors.NotFound.named("job", beginning)


def _after(cursor: str | None) -> search.Place | None:
    place = place_of(cursor, (str, str))
    if place is None:
        return None
    try:
        return datetime.fromisoformat(str(place[0])), str(place[1])
    except ValueError:
        raise errors.InvalidArgument(
            "The cursor does not belong to a list of jobs.", do="Begin without one."
        ) from None


def _place(job: JobView) -> Place:
    return job.created_at.isoformat(), job.id
