"""Parked jobs: a job whose step waits for something that usually comes within a second keeps its claim, and
nothing is written to the database.

An order takes an appliance some milliseconds. To record that a step waits for it, that it was signalled and
that it goes on took five transactions. A job that waits longer is recorded as waiting. If the process is
killed, its step is run again under the same order id.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..model.outcomes import Wait
from ..storage.awaited_signals import AwaitedSignals
from ..storage.journal import Claim
from .snapshot import Snapshot

PARKED_SECONDS = 1.0
CROWD = 16
PARKED_IN_A_CROWD_SECONDS = 10.0
"""How long jobs stay parked, in seconds, while many are: they are of a batch, whose appliances have more to
do than they can at once. Recording each of them would take the very time that they all wait for."""
PATIENT_SECONDS = 5.0
"""Parked jobs that can go on do so by their progress: those that have come far end before others come as far.
One that has been able to go on for this many seconds goes first all the same."""
MOST_REMEMBERED = 4096
"""The most signals that nobody waited for, and jobs that were changed, that are remembered: a step that is
about to wait looks among them."""


@dataclass(frozen=True, slots=True)
class ParkedJob:
    """A parked job. `snapshot` is its state, None once somebody has written to it. `began` is when the first
    wait of its step began, `until` when the wait is to be recorded, `look_at` when the step runs again
    without a signal (all in seconds of the monotonic clock), `heard` the number of signals and changes that
    had come when the step ran, `position` the position of the step in the job."""

    claim: Claim
    snapshot: Snapshot | None
    task_id: int
    signal: str
    began: float
    until: float
    look_at: float
    heard: int
    position: int = 0

    @property
    def job_id(self) -> str:
        return self.claim.job_id

    def is_over(self, now: float) -> bool:
        return now >= self.look_at

    def waited_seconds(self, now: float) -> float:
        return now - self.began


@dataclass(frozen=True, slots=True)
class ParkedStep:
    """A step that runs and may park: it began at `at`, when `heard` signals and changes had come; `before` is
    where its job was parked until then, `most_seconds` how long it may be."""

    snapshot: Snapshot
    task_id: int
    at: float
    heard: int
    before: ParkedJob | None
    most_seconds: float | None

    @property
    def waited_seconds(self) -> float:
        return self.before.waited_seconds(self.at) if self.before else 0.0

    def place(self, wait: Wait) -> ParkedJob | None:
        """The parked job; None if the wait has to be recorded. Each thing that a step waits for has its own
        time."""
        began = self.before.began if self.before else self.at
        same = self.before is not None and self.before.signal == wait.signal
        most_seconds = self.most_seconds or min(PARKED_SECONDS, wait.poll_seconds)
        until = self.before.until if self.before and same else self.at + most_seconds
        until = min(until, began + wait.deadline_seconds)
        if self.at >= until:
            return None
        look_at = min(until, self.at + wait.poll_seconds)
        claim, position = self.snapshot.claim, self.snapshot.task(self.task_id).position
        return ParkedJob(
            claim, self.snapshot, self.task_id, wait.signal, began, until, look_at, self.heard, position
        )


class _Last:
    """The number of the last event of each key; numbers rise."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, int] = OrderedDict()
        self.forgotten = 0
        """All events that are no longer known had this number, or a lower one."""

    def note(self, key: str, number: int) -> None:
        self._at[key] = number
        self._at.move_to_end(key)
        if len(self._at) > MOST_REMEMBERED:
            self.forgotten = self._at.popitem(last=False)[1]

    def forget_all(self, number: int) -> None:
        """Treat every key as if its event had just happened."""
        self._at.clear()
        self.forgotten = number

    def of(self, key: str) -> int:
        return self._at.get(key, self.forgotten)


class ParkingLot:
    """The parked jobs of this process. Safe from any thread. `woken` is called when one of them can go on."""

    def __init__(
        self,
        woken: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        is_alone: bool = False,
    ) -> None:
        """`is_alone`: no other process uses the database. Signals that are given in another process find only
        recorded waits."""
        self._woken = woken
        self._is_alone = is_alone
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.written_down = AwaitedSignals()
        """Recorded waits: of jobs that waited too long here, or elsewhere."""
        self._number = 0
        self._heard = _Last()
        self._changed = _Last()
        self._waiting: dict[str, ParkedJob] = {}
        self._ready: OrderedDict[str, ParkedJob] = OrderedDict()
        self._ready_since: dict[str, float] = {}

    def looking(self, snapshot: Snapshot, task_id: int, before: ParkedJob | None) -> ParkedStep:
        """Call it before the step runs: a signal that comes from then on is not missed."""
        known = before if before is not None and before.task_id == task_id else None
        is_crowd = self._is_alone and len(self._waiting) >= CROWD
        most_seconds = PARKED_IN_A_CROWD_SECONDS if is_crowd else None
        return ParkedStep(snapshot, task_id, self._monotonic(), self._number, known, most_seconds)

    def park(self, parked: ParkedJob) -> None:
        """Park the job until its signal; if that came since the step ran, the job goes on at once."""
        with self._lock:
            if parked.snapshot is None or not self.is_present(parked.snapshot):
                self._can_go_on(replace(parked, snapshot=None))
            elif self._heard.of(parked.signal) > parked.heard:
                self._can_go_on(parked)
            else:
                self._waiting[parked.job_id] = parked

    def is_present(self, snapshot: Snapshot) -> bool:
        """Whether nobody, not even the job's own step, has written to the job since it was read."""
        return self._changed.of(snapshot.claim.job_id) <= snapshot.known

    @property
    def number(self) -> int:
        """The number of signals and changes that have come."""
        return self._number

    def signal(self, key: str) -> int:
        """Let the jobs that are parked for this signal go on; gives their number."""
        with self._lock:
            self._number += 1
            self._heard.note(key, self._number)
            woken = [each for each in self._waiting.values() if each.signal == key]
            self._wake(woken)
        if woken:
            self._woken()
        return len(woken)

    def changed(self, job_id: str | None) -> None:
        """Somebody wrote to the job (None: to any): its step runs again, to notice a cancel, for example."""
        with self._lock:
            self._number += 1
            if job_id is None:
                self._changed.forget_all(self._number)
            else:
                self._changed.note(job_id, self._number)
            concerned = list(self._waiting) if job_id is None else [job_id]
            woken = [self._waiting[each] for each in concerned if each in self._waiting]
            self._wake(woken)
            for each in self._ready if job_id is None else concerned:
                if each in self._ready:
                    self._ready[each] = replace(self._ready[each], snapshot=None)
        if woken:
            self._woken()

    @property
    def has_ready(self) -> bool:
        """Whether a parked job can go on."""
        return bool(self._ready)

    def next(self) -> ParkedJob | None:
        """Take out a job that can go on, or whose time is over; None without one."""
        with self._lock:
            now = self._monotonic()
            self._wake([each for each in self._waiting.values() if each.is_over(now)])
            if not self._ready:
                return None
            job_id = self._first(now)
            del self._ready_since[job_id]
            return self._ready.pop(job_id)

    def seconds_left(self, most: float) -> float:
        """Seconds until the time of the next parked job is over, at most `most`."""
        with self._lock:
            now = self._monotonic()
            return max(0.0, min([most, *(each.look_at - now for each in self._waiting.values())]))

    def _wake(self, woken: list[ParkedJob]) -> None:
        for each in woken:
            self._can_go_on(self._waiting.pop(each.job_id))

    def _can_go_on(self, parked: ParkedJob) -> None:
        self._ready[parked.job_id] = parked
        self._ready_since.setdefault(parked.job_id, self._monotonic())

    def _first(self, now: float) -> str:
        """The first of those that can go on; among equals the one that was parked first."""
        longest = next(iter(self._ready))
        if now - self._ready_since[longest] >= PATIENT_SECONDS:
            return longest
        return max(self._ready, key=lambda each: self._ready[each].position)
