"""Jobs: what was started, how far it is, how it ended."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from ...domain import errors
from ...wire import rest
from ..connection import Connection, path, request
from ..following import AWAY, LOOK_AGAIN_SECONDS, follow


class JobHandle:
    """One job, by its id or as much of its beginning as no other has. All calls raise NotFound for an
    unknown one."""

    def __init__(self, connection: Connection, job_id: str) -> None:
        self._connection = connection
        self.id = job_id

    def show(self) -> rest.Job:
        """The job with its tasks."""
        return self._connection.one(rest.Job, "GET", path("jobs", self.id))

    def picture(self) -> bytes:
        """The screen of the machine that it started, a PNG. Raises NotFound also for a job that has none."""
        return self._connection.call("GET", path("jobs", self.id, "picture"))

    def cancel(self) -> rest.Job:
        """Asks it to turn back at its next boundary. Raises NotPossibleNow if that is no longer possible."""
        return self._connection.one(rest.Job, "POST", path("jobs", self.id, "cancel"))

    def retry(self) -> rest.Job:
        """Runs a failed job again from the task that failed. Raises NotPossibleNow for any other."""
        return self._connection.one(rest.Job, "POST", path("jobs", self.id, "retry"))

    def resume(self) -> rest.Job:
        """Lets a job go on that is held because the vault was restored. Raises NotPossibleNow for any
        other."""
        return self._connection.one(rest.Job, "POST", path("jobs", self.id, "resume"))

    def answer(self, verdict: str, note: str = "", *, task: int | None = None) -> rest.Job:
        """Answers the question of a task that asks a person. `task` is its position: give it as you read it,
        since by now another one may ask. Raises NotPossibleNow if it asks nothing, InvalidArgument for a
        verdict that it does not offer."""
        asked = self._asking() if task is None else task
        answer = request(rest.JobAnswer, task=asked, verdict=verdict, note=note)
        return self._connection.one(rest.Job, "POST", path("jobs", self.id, "answer"), body=answer)

    def _asking(self) -> int:
        found = next((task.position for task in self.show().tasks if task.asks is not None), None)
        if found is None:
            raise errors.NotPossibleNow(
                f"Job {self.id} asks nothing.", do=f"Look at its tasks: secondsite job show {self.id}"
            )
        return found

    def children(self, *, state: Sequence[rest.JobState] = ()) -> Iterator[rest.Job]:
        """The jobs that it started, in one of these states if some are given, without their tasks; by
        page, as they are needed."""
        query = request(rest.JobQuery, parent=self.id, state=tuple(state), limit=rest.MOST_PER_PAGE)
        return self._connection.pages(rest.JobPage, path("jobs"), query)

    def follow(self) -> Iterator[rest.Job]:
        """The job each time something of it or of its children changed; the last one has ended. A vault
        that restarts meanwhile is waited for. Raises VaultUnreachable after a minute without it; the job
        goes on by itself."""
        where = path("jobs", self.id, "events")
        try:
            for job in follow(self._connection, rest.Job, where):
                yield job
                if job.state.ended:
                    return
        except AWAY as away:
            raise self._left(away) from away

    def wait(self, within_seconds: float | None = None, *, must_succeed: bool = True) -> rest.Job:
        """The job once it has ended. Raises JobNotSucceeded unless it succeeded, or unless `must_succeed`
        is false; DeadlineExceeded when it has not ended `within_seconds`: it goes on, wait for it again."""
        job = self._last() if within_seconds is None else self._polled(within_seconds)
        if must_succeed and job.state is not rest.JobState.SUCCEEDED:
            raise _not_succeeded(job)
        return job

    def _last(self) -> rest.Job:
        *_, last = self.follow()
        return last

    def _polled(self, within_seconds: float) -> rest.Job:
        """Poll the job until the deadline: the stream of events keeps itself alive, and has no deadline."""
        deadline = time.monotonic() + within_seconds
        while True:
            job = self._seen(deadline)
            if job is not None and job.state.ended:
                return job
            if time.monotonic() > deadline:
                raise errors.DeadlineExceeded(
                    f"Job {self.id} has not ended after {within_seconds:g} s.",
                    do=f"It goes on. Wait for it again, or: secondsite job follow {self.id}",
                )
            time.sleep(min(LOOK_AGAIN_SECONDS, max(0.0, deadline - time.monotonic())))

    def _seen(self, deadline: float) -> rest.Job | None:
        try:
            return self.show()
        except AWAY as away:
            if time.monotonic() > deadline:
                raise self._left(away) from away
            return None

    def _left(self, away: errors.SecondsiteError) -> errors.SecondsiteError:
        if isinstance(away, errors.VaultSlow):
            again = f"Watch it again: secondsite job follow {self.id}"
            return errors.VaultSlow(f"{away.message} The job goes on.", do=again)
        return errors.VaultUnreachable(
            f"{away.message} The job goes on when the vault runs again.",
            do=f"Start the vault, then: secondsite job follow {self.id}",
        )


def _not_succeeded(job: rest.Job) -> errors.JobNotSucceeded:
    said = job.problem.message if job.problem else job.sentence
    what = f"{job.verb} of {job.subject_name}" if job.subject_name else str(job.verb)
    do = job.problem.do if job.problem else f"Look at its tasks: secondsite job show {job.id}"
    return errors.JobNotSucceeded(f"Job {job.id}, {what}, ended {job.state}: {said}", do=do)


class Jobs:
    """All jobs; `jobs["982006237b"]` is one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getitem__(self, job_id: str) -> JobHandle:
        return JobHandle(self._connection, job_id)

    def __iter__(self) -> Iterator[rest.Job]:
        return self.list()

    def list(
        self,
        *,
        state: Sequence[rest.JobState] = (),
        machine: str | None = None,
        verb: rest.JobVerb | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        children: bool = True,
        parent: str | None = None,
        search: str | None = None,
        page_size: int = 100,
    ) -> Iterator[rest.Job]:
        """Jobs that fit all that is given, newest first, without their tasks; pages are asked for as they
        are needed. `since` and `before` (aware) bound when a job was started; without `children` only
        those that a person did; with `parent` only those that this job did. `search` is a part of the names
        of their machines."""
        query = request(
            rest.JobQuery,
            state=tuple(state),
            machine=machine,
            verb=verb,
            since=since,
            before=before,
            children=children,
            parent=parent,
            search=search,
            limit=page_size,
        )
        return self._connection.pages(rest.JobPage, path("jobs"), query)
