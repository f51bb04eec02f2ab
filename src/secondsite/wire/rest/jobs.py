"""Jobs, which people start, and the tasks that they consist of."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field

from ...domain.drills.verdicts import Verdict
from ...domain.lifecycle import Verb
from ...ground.job_states import JobState, TaskState
from ..common.base import Problem, Shape
from ..common.evidence import Evidence
from ..common.numbers import LONGEST_NAME, Instant
from ..common.points import RollForward
from .errors import Page, Paging
from .predictions import RunTiming


class OtherJobKind(StrEnum):
    """Jobs that are not verbs of the lifecycle: a recovery point is read again; one is booted to see
    whether it boots; a machine of its own is made from one; an old copy is started although that is
    forbidden; a source that was unreachable when protection ended stops replicating once it is back; what a
    verb left undone at a site that was away is done; a machine that was migrated live within its site is
    followed; replicas are moved away from a drained host. `unknown` is a job of another release, of which
    this one only knows its tasks."""

    VERIFY_POINT = "verify_point"
    BOOT_POINT = "boot_point"
    RESTORE_COPY = "restore_copy"
    FETCH_FILES = "fetch_files"
    START_ANYWAY = "start_anyway"
    END_REPLICATION_LATER = "end_replication_later"
    FINISH_LATER = "finish_later"
    FOLLOW_MIGRATION = "follow_migration"
    DRAIN_HOST = "drain_host"
    UNKNOWN = "unknown"


JobVerb = Verb | OtherJobKind
_VERBS: dict[str, JobVerb] = {each.value: each for each in (*Verb, *OtherJobKind)}
MOST_OF_AN_ANSWER = 4000


def verb_named(word: str) -> JobVerb:
    """The verb of this name; `unknown` if it is a word of another release."""
    return _VERBS.get(word, OtherJobKind.UNKNOWN) if isinstance(word, str) else OtherJobKind.UNKNOWN


MOST_CHILDREN = 20
"""How many jobs are shown with the job that started them."""


class JobAccepted(Shape):
    """The job that was started. For several machines it is the parent of one job for each."""

    job_id: str
    """The id of the job to follow."""


class TaskFacts(Shape):
    """What a task found out that others may want to know; all else is null."""

    point_id: str | None = None
    """The recovery point that was chosen or made."""
    taken_at: AwareDatetime | None = None
    """The instant (UTC) that the machine is recovered to, or that a cycle was taken at."""
    forward: RollForward | None = None
    """How the point was rolled forward."""
    loses_seconds: float | None = None
    """How much work is lost: the time from `taken_at` until the task chose."""
    changed_bytes: int | None = None
    """The changed data that a cycle found."""
    wire_bytes: int | None = None
    """What was sent for it, compressed."""
    size_bytes: int | None = None
    """The size of disks that were read."""
    data_bytes: int | None = None
    """How much of it holds data."""
    down_seconds: float | None = None
    """From when the machine began to shut down at one side until it was started at the other."""
    evidence: Evidence | None = None
    """What was seen of a machine after its start."""
    verdict: Verdict | None = None
    """The verdict of a test failover that ended."""


class TaskQuestion(Shape):
    """The question that a task asks a person."""

    instruction: str
    """What is to be done, or looked at."""
    verdicts: tuple[str, ...]
    """The possible answers."""
    until: AwareDatetime | None = None
    """When it will have waited too long, and fails (UTC); null: that is not settled yet."""


class TaskAnswer(Shape):
    """What a person answered."""

    by: str
    """The name of the token with which it was answered."""
    at: AwareDatetime
    """When (UTC)."""
    verdict: str
    """One of those that the task offered."""
    note: str
    """What the person saw."""


class JobAnswer(Shape):
    """An answer to a task that asks."""

    task: int = Field(ge=0, le=10_000)
    """The task's position, as it was read: by now another task may ask."""
    verdict: str = Field(min_length=1, max_length=64)
    """One of those that the task offers."""
    note: str = Field("", max_length=MOST_OF_AN_ANSWER)
    """What was seen; kept with the task."""


class Task(Shape):
    """One step of a job, or the undoing of one."""

    position: int
    """Its place in the job, from 0."""
    name: str
    """Its title for people."""
    state: TaskState
    """The state of the task."""
    sentence: str
    """What it did, or is waiting for."""
    progress: float | None = None
    """How much of it is done, from 0 to 1; null or 0 if that is not known."""
    attempt: int
    """1, and one more after each retry of the job."""
    started_at: AwareDatetime | None = None
    """When it began (UTC)."""
    ended_at: AwareDatetime | None = None
    """When it ended (UTC)."""
    problem: Problem | None = None
    """Why it failed."""
    facts: TaskFacts = TaskFacts()
    """What it found out."""
    asks: TaskQuestion | None = None
    """What it asks a person now: answer it with `POST /api/jobs/{job}/answer`."""
    answer: TaskAnswer | None = None
    """What a person answered."""


class Job(Shape):
    """Something that was started. Its id is also the operation's."""

    id: str
    """In calls it may be shortened to any unique beginning."""
    verb: Annotated[JobVerb, BeforeValidator(verb_named)]
    """What it does."""
    subject: str | None = None
    """The id of its machine; null or empty: several."""
    subject_name: str | None = None
    """The machine's name when it was started, or several names."""
    state: JobState
    """The state of the job."""
    sentence: str
    """How it ended, or what it is doing."""
    requested_by: str
    """The name of the token with which it was started."""
    created_at: AwareDatetime
    """When it was started (UTC)."""
    started_at: AwareDatetime | None = None
    """When its first task began (UTC)."""
    ended_at: AwareDatetime | None = None
    """When it ended (UTC)."""
    parent_id: str | None = None
    """The job that started it; null: a person did."""
    children: tuple[str, ...] = ()
    """Ids of the jobs that it started, of many only the first 20: `GET /api/jobs` gives all with it as
    `parent`, by page. Only when a single job is shown."""
    children_by_state: Mapping[JobState, int] = {}
    """How many jobs it started are in which state; only when a single job is shown."""
    tasks: tuple[Task, ...] = ()
    """In the order of events; only when a single job is shown."""
    problem: Problem | None = None
    """Why it failed."""
    cancelable: bool = False
    """Whether it can still be cancelled."""
    waits_for_person: bool = False
    """Whether one of its tasks asks a person now, and it does not go on without an answer."""
    timing: RunTiming | None = None
    """The time that it took, and the predicted time, for a drill or failover of one machine that succeeded;
    it is stored some seconds after its end. Only when a single job is shown."""


class JobQuery(Paging):
    """Which jobs: those that match everything given."""

    state: tuple[JobState, ...] = ()
    """In one of these states."""
    machine: str | None = None
    """Of this machine, by name, or by id, which works even after its protection has ended."""
    search: str | None = Field(None, max_length=LONGEST_NAME)
    """With this text in the names of their machines, in capitals or not."""
    verb: JobVerb | None = None
    """With this verb."""
    since: Instant | None = None
    """Started then or later."""
    before: Instant | None = None
    """Started before then."""
    children: bool = True
    """Include jobs that another job started."""
    parent: str | None = None
    """Started by this job, whose id may be shortened."""


class JobPage(Page[Job]):
    """Jobs without their tasks, newest first."""
