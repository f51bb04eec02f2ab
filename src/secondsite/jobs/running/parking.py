"""Jobs whose step waits for something that usually comes within a second keep their claim, and nothing is
written.

An order takes an appliance some milliseconds. To write down that a step waits for it, that it was signalled
and that it goes on took five transactions. A job that waits longer is written down as waiting, as one is that
was killed here: its step is run again under the same order id.
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
"""As long as so many wait here, they stay: each is one of a batch, whose appliances have more to do than
they can at once. To write each down, and that it goes on, would take the time that they all wait for."""
PATIENT_SECONDS = 5.0
"""Those that can go on do so by how far they are: jobs that have begun come to their end before others
come as far. Whoever has been able to for so long goes first all the same."""
MOST_REMEMBERED = 4096
"""Signals that nobody waited for, and jobs that were changed: the one who is about to wait looks among
them."""


@dataclass(frozen=True, slots=True)
class ParkedJob:
    """A job's place here. `snapshot` is where it stands, None once somebody has written to it. `began` is
    when the first wait of its step began, `until` when it is to be written down, `look_at` when the step
    looks again without a signal (all in seconds of the monotonic clock), `heard` the number of signals and
    changes that had come when the step looked, `position` which step of the job it is."""

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
    """A step that looks: at `at`, when `heard` signals and changes had come; `before` is where its job
    waited until then, `most_seconds` how long it may wait there."""

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
        """Where the job waits; None if the wait has to be written down. Each thing that a step waits for
        has its time."""
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
    """When each of many things happened last, as numbers that rise."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, int] = OrderedDict()
        self.forgotten = 0
        """All that is not known any more happened then, or before."""

    def note(self, key: str, number: int) -> None:
        self._at[key] = number
        self._at.move_to_end(key)
        if len(self._at) > MOST_REMEMBERED:
            self.forgotten = self._at.popitem(last=False)[1]

    def forget_all(self, number: int) -> None:
        """Each of them may have happened just now."""
        self._at.clear()
        self.forgotten = number

    def of(self, key: str) -> int:
        return self._at.get(key, self.forgotten)


class ParkingLot:
    """Safe from any thread. `woken` is called when a job here can go on."""

    def __init__(
        self,
        woken: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        is_alone: bool = False,
    ) -> None:
        """`is_alone`: no other process has the database. A signal that is given in another one finds only
        what is written down."""
        self._woken = woken
        self._is_alone = is_alone
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.written_down = AwaitedSignals()
        """Those that waited here, or elsewhere, for too long."""
        self._number = 0
        self._heard = _Last()
        self._changed = _Last()
        self._waiting: dict[str, ParkedJob] = {}
        self._ready: OrderedDict[str, ParkedJob] = OrderedDict()
        self._ready_since: dict[str, float] = {}

    def looking(self, snapshot: Snapshot, task_id: int, before: ParkedJob | None) -> ParkedStep:
        """Ask for it before the step looks: a signal that comes from then on is not missed."""
        known = before if before is not None and before.task_id == task_id else None
        is_crowd = self._is_alone and len(self._waiting) >= CROWD
        most_seconds = PARKED_IN_A_CROWD_SECONDS if is_crowd else None
        return ParkedStep(snapshot, task_id, self._monotonic(), self._number, known, most_seconds)

    def park(self, parked: ParkedJob) -> None:
        """The job waits here until its signal; if that came since the step looked, it goes on at once."""
        with self._lock:
            if parked.snapshot is None or not self.is_present(parked.snapshot):
                self._can_go_on(replace(parked, snapshot=None))
            elif self._heard.of(parked.signal) > parked.heard:
                self._can_go_on(parked)
            else:
                self._waiting[parked.job_id] = parked

    def is_present(self, snapshot: Snapshot) -> bool:
        """Whether nobody, not even its own step, has written to the job since it was read."""
        return self._changed.of(snapshot.claim.job_id) <= snapshot.known

    @property
    def number(self) -> int:
        """Of signals and changes that have come."""
        return self._number

    def signal(self, key: str) -> int:
        """Those who wait for it here go on; gives their number."""
        with self._lock:
            self._number += 1
            self._heard.note(key, self._number)
            woken = [each for each in self._waiting.values() if each.signal == key]
            self._wake(woken)
        if woken:
            self._woken()
        return len(woken)

    def changed(self, job_id: str | None) -> None:
        """Somebody wrote to the job (None: to any): it looks what that was, such as a cancel."""
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
        """Whether one can go on."""
        return bool(self._ready)

    def next(self) -> ParkedJob | None:
        """Take out one that can go on, or whose time is over."""
        with self._lock:
            now = self._monotonic()
            self._wake([each for each in self._waiting.values() if each.is_over(now)])
            if not self._ready:
                return None
            job_id = self._first(now)
            del self._ready_since[job_id]
            return self._ready.pop(job_id)

    def seconds_left(self, most: float) -> float:
        """Until the next one's time is over, or `most`."""
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
        """Of those that can go on. Of several that are as far, who came first."""
        longest = next(iter(self._ready))
        if now - self._ready_since[longest] >= PATIENT_SECONDS:
            return longest
        return max(self._ready, key=lambda each: self._ready[each].position)
