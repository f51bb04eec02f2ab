"""Child jobs of a step: start them once, wait for all, judge them by the step's policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from ...ground.job_states import ENDED, JobState
from ..model.catalogue import Catalogue
from ..model.context import Child
from ..model.definitions import Children
from ..model.facts import to_json
from ..model.failures import CHILDREN_FAILED, Refused, StepFailed
from ..model.outcomes import Done, Outcome, Skipped, Wait
from ..model.views import JobView, TaskKind, TaskView
from ..storage import journal, read
from ..storage.prepared import PreparedStatement, one_of
from ..storage.tables import jobs
from . import requests

POLL_SECONDS = 5.0
GOOD = (JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED)
AGAIN = (JobState.FAILED, JobState.PARTIALLY_SUCCEEDED)
"""A retry of the parent runs these again, and none that a person called off."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a batch of children in a job; the undo of a step has a place of its own."""

    job_id: str
    position: int
    attempt: int

    @staticmethod
    def of(task: TaskView) -> "Place":
        undo = task.kind is TaskKind.UNDO
        return Place(task.job_id, -1 - task.position if undo else task.position, task.attempt)

    @property
    def signal(self) -> str:
        return end_signal(self.job_id, self.position)


def end_signal(parent_job_id: str, position: int | None) -> str:
    """The signal that is given when a child of this place ends."""
    return f"children/{parent_job_id}/{position}"


_COUNT = PreparedStatement(
    select(
        func.count().label("all"),
        func.count().filter(one_of(jobs.c.state, ENDED)).label("ended"),
        func.min(jobs.c.parent_attempt).label("attempt"),
    ).where(jobs.c.parent_job_id == bindparam("parent"), jobs.c.parent_position == bindparam("place"))
)


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """The number of children at a place, of those that have ended, and the least attempt of the step in which
    any of them was started or retried."""

    all: int
    ended: int
    attempt: int | None


def count(session: Session, parent_job_id: str, position: int | None) -> ChildCounts:
    """The counts, without reading the children: there may be a thousand, and this is called often."""
    found = _COUNT.one(session, {"parent": parent_job_id, "place": position})
    assert found is not None  # a count has one row
    return ChildCounts(**found)


def are_started(session: Session, place: Place) -> bool:
    """Whether this attempt of the step has started or retried all of them."""
    return count(session, place.job_id, place.position).attempt == place.attempt


def ensure(
    session: Session, catalogue: Catalogue, place: Place, wanted: Callable[[], Sequence[Child]], now: datetime
) -> None:
    """Submit the children at this place if there are none; retry failed ones once per attempt. What was
    cancelled stays so."""
    present = _present(session, place)
    if not present:
        _submit_all(session, catalogue, place, wanted(), now)
    for child in present:
        if child.parent_attempt != place.attempt:
            _try_again(session, catalogue, place, child, now)


def _present(session: Session, place: Place) -> list[JobView]:
    all_children = read.children_of(session, place.job_id)
    return [child for child in all_children if child.parent_position == place.position]


def _submit_all(
    session: Session, catalogue: Catalogue, place: Place, wanted: Sequence[Child], now: datetime
) -> None:
    requested_by = read.get(session, place.job_id).requested_by
    wanted_jobs = [
        requests.ordered(catalogue, _request(place, index, child, requested_by))
        for index, child in enumerate(wanted)
    ]
    requests.submit_all(session, wanted_jobs, now)


def _request(place: Place, index: int, child: Child, requested_by: str) -> requests.JobRequest:
    return requests.JobRequest(
        name=child.name,
        subject=child.subject,
        subject_name=child.subject_name,
        arguments=to_json(child.arguments),
        requested_by=requested_by,
        parent=requests.Parent(place.job_id, place.position, place.attempt, index),
    )


def _try_again(session: Session, catalogue: Catalogue, place: Place, child: JobView, now: datetime) -> None:
    journal.lock_job(session, child.id)
    journal.change_job(session, child.id, parent_attempt=place.attempt)
    if child.state in AGAIN:
        try:
            requests.reopen(session, catalogue, child, now)
        except Refused:
            return  # it stays failed, and says why


def judge(session: Session, policy: Children, place: Place, deadline_seconds: float) -> Outcome:
    """The step's outcome, from its children; raises Wait until all have ended, StepFailed when the policy
    is not met."""
    counted = count(session, place.job_id, place.position)
    if not counted.all:
        return Skipped("there was nothing to start")
    if counted.ended < counted.all:
        why = f"{counted.ended} of {counted.all} have ended"
        raise Wait(place.signal, deadline_seconds, why, counted.ended / counted.all, POLL_SECONDS)
    return _verdict(_present(session, place), policy)


def _verdict(children: Sequence[JobView], policy: Children) -> Outcome:
    good = [child for child in children if child.state in GOOD]
    bad = [child for child in children if child.state not in GOOD]
    sentence = f"{len(good)} of {len(children)} succeeded"
    if bad:
        sentence += "; not: " + ", ".join(child.subject_name or child.subject or child.id for child in bad)
    if bad and (policy is Children.ALL or (policy is Children.ANY and not good)):
        raise StepFailed(CHILDREN_FAILED, sentence, _advice(bad))
    partial = bool(bad) or any(child.state is JobState.PARTIALLY_SUCCEEDED for child in good)
    return Done(sentence, partial=partial)


def _advice(bad: Sequence[JobView]) -> str:
    if all(child.state is JobState.CANCELLED for child in bad):
        return "They were cancelled, and a retry leaves them so: start anew what is still wanted"
    return "Look into the failed child jobs, then retry this job"
