"""The engine: claims ready jobs and runs them, several at a time, beside other engines on the same database.

Its threads: `workers` that run jobs; one that keeps the lease and never does anything that may have to wait;
one that wakes jobs that sleep too long; on PostgreSQL one that listens for notifications.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import structlog
from pydantic import BaseModel
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from ...ground import seams, threads
from ...ground.periodic import Every
from ..model.asking import GivenAnswer
from ..model.catalogue import Catalogue
from ..model.clock import Clock, SharedClock, utc_now
from ..model.definitions import Definition
from ..model.facts import to_json
from ..model.failures import JobError, LeaseLost, LeaseOver
from ..model.views import JobView
from ..storage.claims import Claims
from ..storage.clock_changes import look_again
from ..storage.journal import Claim
from ..storage.lease import LEASE_SECONDS, Member, Membership
from ..storage.transactions import Transactions
from . import answers, held_jobs, requests
from .changes import CHANNEL as CHANGED
from .changes import Changes
from .followed_clock import FollowedClock
from .lease_state import CHANNEL as WAKE
from .lease_state import Bell, LeaseState
from .parents import Parents
from .parking import ParkedJob, ParkingLot
from .performing import Performer
from .runner import Runner

IDLE_SECONDS = 1.0
REST_SECONDS = 1.0
SIGNAL_PATIENCE_SECONDS = 10.0
log = structlog.get_logger(__name__)


def default_owner() -> str:
    """A name for this process that no other living process has."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Engine:
    """Runs the jobs of one database.

    `owner` names this process among the engines; a process that comes back under its old name resumes its
    jobs at once, one with another name has to wait until the lease (seconds) has expired. The database comes
    from `database.connect`. Engines that share it need its clock, a `SharedClock`. An engine is started once.
    submit, cancel, retry, resume and answer work in the caller's session: they take effect when it commits.

    `joined` is called in one transaction when no other process can run the database's jobs under this name,
    before any of them is claimed; `joined_again` after a lost lease, with whether the database is older than
    what was committed to it. A JobError that it raises ends the engine: `failed` is called with it. `hears`
    maps channels of PostgreSQL's notifications to functions that are called with each payload, and with None
    after a pause in which some may have been missed.
    """

    def __init__(
        self,
        db: Database,
        definitions: Iterable[Definition],
        *,
        clock: Clock = utc_now,
        owner: str | None = None,
        workers: int = 4,
        lease_seconds: float = LEASE_SECONDS,
        joined: Callable[[Session], None] = lambda _session: None,
        joined_again: Callable[[Session, bool], None] = lambda _session, _is_behind: None,
        failed: Callable[[JobError], None] = lambda _problem: None,
        hears: Mapping[str, Callable[[str | None], None]] = MappingProxyType({}),
    ) -> None:
        self._db = db
        self._clock = clock
        self._workers = workers
        self._lease_seconds = lease_seconds
        self._catalogue = Catalogue(definitions)
        self.changes = Changes()
        self._transactions = Transactions(db, self.changes.tell_on_commit)
        self._bell = Bell()
        self._stopping = threading.Event()
        self._threads: list[threads.Worker] = []
        self._lease = Every(
            "jobs-lease",
            lease_seconds / 4,
            self._stay_alive,
            lambda error: log.error("lease.not-renewed", exc_info=error),
        )
        self._looked_around = False
        self._joined = joined
        self._joined_again = joined_again
        self._failed = failed
        self._hears = hears
        self.standing = LeaseState(db, lease_seconds)
        self.owner = owner or default_owner()
        self.failure: JobError | None = None
        # a connection of its own: when all of the pool's were waiting, a healthy process lost its lease
        self._of_lease = self._transactions.beside()
        heard = (clock.hear,) if isinstance(clock, SharedClock) else ()
        self._membership = Membership(db, self._of_lease, self.owner, lease_seconds, *heard)
        self._claims = Claims(self._transactions, self.owner, clock)
        self._followed_clock = FollowedClock(clock, self._transactions, self._membership, self._bell)
        self._oversleepers = Every(
            "jobs-oversleepers",
            lease_seconds / 4,
            self._followed_clock.wake_oversleepers,
            lambda error: log.error("jobs.oversleepers-not-woken", exc_info=error),
        )
        self._lot = ParkingLot(self._bell.nudge, is_alone=self._transactions.is_alone)
        self.changes.follow(self._lot.changed)
        # a parked job may belong to another engine by now
        self.standing.follow(lambda: None, lambda: self._lot.changed(None))
        self._parents = Parents(self._transactions, self.signal)
        performer = Performer(
            self._transactions,
            self._catalogue,
            clock,
            self._followed_clock,
            self._lot,
            self._bell.ring_on_commit,
        )
        self._runner = Runner(self._transactions, self._catalogue, clock, performer, self._job_ended)

    @property
    def member(self) -> Member | None:
        """This engine among several; None before it has joined, and on SQLite."""
        return self._membership.member

    def submit(
        self,
        session: Session,
        name: str,
        *,
        subject: str | None = None,
        subject_name: str = "",
        arguments: BaseModel | None = None,
        requested_by: str = "",
        job_id: str | None = None,
    ) -> str:
        """Queue a job when the session commits; gives its id.

        If the caller gives a `job_id`, a repeat is harmless. Raises Refused for an unknown name, or what the
        definition raises if no steps can be made from the arguments.
        """
        order = requests.JobRequest(name, subject, subject_name, to_json(arguments), requested_by, job_id)
        self._heed(session)
        return requests.submit(session, *requests.ordered(self._catalogue, order), self._clock())

    def cancel(self, session: Session, job_id: str) -> None:
        """Ask the job to turn back at its next boundary; raises Refused if that is not possible."""
        self._heed(session)
        requests.cancel(session, self._catalogue, job_id, self._clock())

    def retry(self, session: Session, job_id: str) -> None:
        """Run a failed (or partially succeeded) job again from where it failed; raises Refused."""
        self._heed(session)
        requests.retry(session, self._catalogue, job_id, self._clock())

    def resume(self, session: Session, job_id: str) -> None:
        """Let a held job go on; raises Refused for any other."""
        self._heed(session)
        held_jobs.resume(session, job_id, self._clock())

    def answer(self, session: Session, job_id: str, said: GivenAnswer) -> None:
        """Record a person's answer to a step that asks; raises Refused unless it asks."""
        self._heed(session)
        answers.answer(session, job_id, said, self._clock())

    def signal(self, key: str, *, of_one: bool = False) -> int:
        """Wake the steps that wait for `key`, in every process; gives the number of jobs. `of_one`: at most
        one step waits for it.

        Call it after committing what the signal is about; it has a transaction of its own.
        """

        def fire(session: Session) -> int:
            self._bell.ring_on_commit(session)
            return requests.signal(session, key, self._clock())

        woken = self._lot.signal(key)
        if (woken and of_one) or not self._lot.written_down.may_wait(key):
            return woken
        # A wait that is recorded only after this query is followed by another run of its step.
        sleeping = self._transactions.look(
            lambda session: requests.is_waited_for(session, key), SIGNAL_PATIENCE_SECONDS
        )
        return woken + (self._transactions.write(fire, SIGNAL_PATIENCE_SECONDS) if sleeping else 0)

    def _heed(self, session: Session) -> None:
        """Wake workers and tell followers when the caller's session commits. SQLite's write lock is taken
        now: a time read from here on is not older than what a worker writes after the clock was set."""
        session.connection()
        self._bell.ring_on_commit(session)
        self.changes.tell_on_commit(session)

    def start(self) -> None:
        """Join the engines and run jobs until `stop`; raises EngineAlreadyRunning on a taken SQLite file."""
        self._membership.join()
        self._look_around()
        self._hear_of_waits()
        self._followed_clock.start()
        self._threads = [
            threads.worker(f"jobs-worker-{number}", self._work) for number in range(self._workers)
        ]
        if self._db.dialect.name == "postgresql":
            from .notifications import (
                Listener,
            )  # imported here: a vault on SQLite does without the driver's memory

            self._threads.append(Listener(self._db, self._all_that_is_heard(), self._stopping).thread)
        for thread in self._threads:
            thread.start()
        self._lease.start()
        self._oversleepers.start()
        self.standing.start()

    def stop(self, deadline_seconds: float = 30.0) -> bool:
        """Stop once the running steps have ended; gives whether they did so within the deadline.

        A step that does not end in time is not recorded: it runs again, under the same order id, elsewhere or
        at the next start.
        """
        self._stopping.set()
        self._bell.ring()
        self._lease.stop(0)
        self._oversleepers.stop(0)
        ended = self._join_threads(deadline_seconds)
        self._transactions.given_up.set()
        ended = ended or self._join_threads(1.0)
        self._lease.stop(1.0)
        self._oversleepers.stop(1.0)
        self.standing.stop()
        self._lot.written_down.end()
        self._membership.leave()
        return ended

    def run_until_idle(self, deadline_seconds: float = 30.0) -> None:
        """Run jobs on the calling thread until none is ready: for tests and tools, on an engine not started.

        Raises TimeoutError at the deadline. An exception that no step may catch leaves everything as if the
        process had been killed.
        """
        self._membership.join()
        give_up_at = time.monotonic() + deadline_seconds
        try:
            self._look_around()
            self._hear_of_waits()
            while (claim := self._claims.next()) is not None:
                if time.monotonic() > give_up_at:
                    raise TimeoutError(f"jobs were still ready after {deadline_seconds} s")
                self._run(claim)
        except BaseException:
            self._membership.drop()
            raise
        finally:
            self._lot.written_down.end()
        self._membership.leave()

    def _look_around(self) -> None:
        """Called once, before any job is claimed: all waiting steps run again, because after a start it is
        not known which signals were missed, or whether the clock was set."""
        if not self._looked_around:
            self._transactions.write(self._joined)
            self._transactions.write(lambda session: look_again(session, self._clock()))
        self._looked_around = True

    def _hear_of_waits(self) -> None:
        if self._transactions.is_alone:
            self._transactions.write(self._lot.written_down.begin)

    def _work(self) -> None:
        while not self._stopping.is_set():
            rung = self._bell.rung
            try:
                self._followed_clock.follow()
                claim, parked = self._next(rung)
                if claim is None:
                    self._bell.wait(rung, self._lot.seconds_left(IDLE_SECONDS), lambda: self._lot.has_ready)
                else:
                    self._wake_another()
                    self._run(claim, parked, parks=True)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("jobs.worker-failed")
                self._stopping.wait(REST_SECONDS)

    def _next(self, rung: int) -> tuple[Claim | None, ParkedJob | None]:
        """The next job to run, and where it was parked."""
        if self._claims.others_are_due and (claim := self._claims.next_since(rung, IDLE_SECONDS)):
            return claim, None
        parked = self._lot.next()
        return (parked.claim, parked) if parked else (self._claims.next_since(rung, IDLE_SECONDS), None)

    def _wake_another(self) -> None:
        """A worker that takes work and leaves some wakes another worker, which does the same."""
        if self._lot.has_ready:
            self._bell.nudge()
        elif self._claims.may_be_more:
            self._bell.ring_one()

    def _run(self, claim: Claim, parked: ParkedJob | None = None, *, parks: bool = False) -> None:
        place = None
        try:
            seams.reach("job.claim.committed")
            with self._transactions.turn():
                place = self._runner.run(claim, self._stopping.is_set, parked=parked, parks=parks)
        except LeaseLost as lost:
            log.warning("lease.lost", problem=str(lost))
        finally:
            if place is None:
                self._claims.put_down(claim)
        if place is not None:
            self._lot.park(place)

    def _stay_alive(self) -> None:
        if self._stopping.is_set():
            return
        began = time.monotonic()
        try:
            self._renew()
            self.standing.renewed(self._membership.runs_since)
        except JobError as problem:
            log.critical("lease.taken", problem=problem.message, do=problem.do)
            self.failure = problem
            self._stopping.set()
            self.standing.lose()
            self._failed(problem)
        finally:
            if time.monotonic() - began > self._lease_seconds / 2:
                # The database was away for everybody: let the others renew before calling them dead.
                self._claims.spare_others(self._lease_seconds)

    def _renew(self) -> None:
        try:
            self._membership.renew()
        except LeaseOver:
            self.standing.lose()
            self._membership.join_again(self._joined_again)

    def _all_that_is_heard(self) -> Mapping[str, Callable[[str | None], None]]:
        return {WAKE: lambda _payload: self._bell.ring(), CHANGED: self.changes.heard, **self._hears}

    def _job_ended(self, job: JobView) -> None:
        self._parents.tell(job)
        self._bell.ring_one()  # another job of its batch may begin

    def _join_threads(self, deadline_seconds: float) -> bool:
        until = time.monotonic() + deadline_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)
