"""Ends cycles that would hurt their machine: too much scratch space, too long, or somebody needs the machine.

One thread looks at all running cycles ten times a second, even while a sender is blocked by a stalled
peer. It first asks the sender to stop, then cuts the connection, so that the backup job ends and the guest
goes on (P1). When scratch space runs out it does not wait for the sender: it releases the scratch reserve
and ends the job itself."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from ...datapath.errors import PeerRefused
from ...domain import errors
from ...fabrics.interface import ChangeSession
from ...ground import threads, usage
from .scratch_reserve import ScratchReserve

POLL_SECONDS = 0.1
GRACE_SECONDS = 0.4
ASK_SECONDS = 1.0
"""From this age on a cycle checks whether it blocks another program: most cycles are over before."""
PATIENCE_SECONDS = 1.5
"""How long another program may wait before the cycle gives way; libvirt lets the program wait for 30 s, then
its call fails."""
LOOK_SECONDS = 2.0
"""How often it is checked whether somebody writes disks that are read at rest."""
FULL = 0.8
"""Share of the scratch budget at which a cycle is given up."""
ABANDON_SECONDS = 60.0
STOP_SECONDS = 1.0
"""How long a cycle may take to end; what the guest overwrites meanwhile must fit too."""

log = structlog.get_logger(__name__)


class CycleInterrupted(errors.NotPossibleNow):
    """The cycle was stopped on purpose; nothing is wrong."""

    def __init__(
        self,
        why: str = "The cycle was given up because another order needs the machine.",
        do: str = "Retry after that order.",
    ) -> None:
        super().__init__(why, do=do)


class Overtaken(CycleInterrupted):
    """The machine was started, or its disks were written, while they were read at rest."""

    def __init__(self) -> None:
        super().__init__(
            "The machine was started, or its disks were written, while they were read.",
            "Nothing: they are read again.",
        )


class GaveWay(Overtaken):
    """Another program waited for the machine, so the cycle gave way."""

    def __init__(self) -> None:
        CycleInterrupted.__init__(
            self,
            "The cycle was given up because another program waits for the machine.",
            "Nothing: what changed is sent again afterwards.",
        )


class ScratchUnseen(Overtaken):
    """The scratch files cannot be seen: somebody removed them, or the view has just ended. A file without
    a name goes on growing, and only the end of the job frees its space."""

    def __init__(self, problem: OSError) -> None:
        CycleInterrupted.__init__(
            self,
            f"The cycle was given up because its scratch files could not be found: {problem}.",
            "Leave the files in the scratch folder alone; what changed is sent again.",
        )


@dataclass(frozen=True, slots=True)
class _ScratchUse:
    """Scratch space at one moment: bytes that this cycle uses, and bytes that are free in the file system."""

    at: float
    used: int
    free: int

    def is_full(self, budget_bytes: int) -> bool:
        return self.used > FULL * min(budget_bytes, self.used + self.free)

    def fills_up(self, before: "_ScratchUse", budget_bytes: int) -> bool:
        """Whether space would run out before the cycle can stop."""
        ahead = STOP_SECONDS / max(POLL_SECONDS / 2, self.at - before.at)
        ours, all_used = max(0, self.used - before.used), max(0, before.free - self.free)
        left = min(budget_bytes - self.used, self.free)
        return ours * ahead > left or (self.used > 0 and all_used * ahead > self.free)


class Cuttable(Protocol):
    def cut(self) -> None:
        """Wake the thread that waits for it."""


class GuardedCycle:
    """One cycle under guard."""

    def __init__(
        self, connection: Cuttable, session: ChangeSession, scratch: Path, budget_bytes: int,
        seconds: float, interrupt: threading.Event,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._session = session
        self._scratch = scratch
        self._budget_bytes = budget_bytes
        self._seconds = seconds
        self._interrupt = interrupt
        self._ends_at = time.monotonic() + seconds
        self._cut_at = 0.0
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._seen: _ScratchUse | None = None
        self._abandoning: threads.Worker | None = None
        self._watched = threading.Lock()
        self._settled = False
        self.ended_by: Exception | None = None

    def cancelled(self) -> bool:
        """Whether the sender must stop. The sender calls this often, so disks at rest are looked at only now
        and then."""
        if self._session.at_rest and time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self.holds()
        return self.ended_by is not None

    def holds(self) -> bool:
        """Whether everything that was read is of the view's instant; if not, the cycle ends for that
        reason."""
        if self.ended_by is None and not self._session.holds():
            self.ended_by = Overtaken()
        return self.ended_by is None

    def find_reason(self) -> None:
        """Find out after an error whether a start of the machine ended a view at rest."""
        if self._session.at_rest:
            self.holds()

    def look(self, reserve: ScratchReserve) -> None:
        """Look once, and stop the cycle if it would hurt its machine; does nothing after `settle`."""
        with self._watched:
            if not self._settled:
                self._look(reserve)

    def _look(self, reserve: ScratchReserve) -> None:
        if self.ended_by is not None:
            if time.monotonic() > self._cut_at:
                self._connection.cut()
            return
        self.ended_by = self._judge()
        self._cut_at = time.monotonic() + GRACE_SECONDS
        if isinstance(self.ended_by, errors.ScratchExhausted | ScratchUnseen):
            reserve.release()
            self._abandon()

    def _abandon(self) -> None:
        """End the job in a thread of its own: a hypervisor that does not answer must not block the guard."""
        if self._settled:  # who settled had waited long enough for this look
            return
        self._abandoning = threads.worker("cycle-abandon", self._end_job)
        self._abandoning.start()

    def _end_job(self) -> None:
        try:
            self._session.abandon()
        except Exception as error:  # the view's owner ends it too, and reports the error
            log.info("cycle.not-abandoned", problem=str(error))

    def settle(self) -> None:
        """Wait for the thread that ends the job, so that it cannot touch the next job; also for a thread that
        the guard is about to start."""
        seen = self._watched.acquire(timeout=ABANDON_SECONDS)
        self._settled = True
        if seen:
            self._watched.release()
        if self._abandoning is not None and self._abandoning.is_alive():
            self._abandoning.join(ABANDON_SECONDS)

    def _judge(self) -> Exception | None:
        if self._interrupt.is_set():
            return CycleInterrupted()
        if self._is_in_the_way():
            self._session.gave_way()
            return GaveWay()
        before = self._seen
        try:
            self._seen = now = _ScratchUse(
                time.monotonic(), self._session.scratch_bytes(), self._free_bytes()
            )
        except OSError as problem:
            return ScratchUnseen(problem)
        if now.is_full(self._budget_bytes) or (before and now.fills_up(before, self._budget_bytes)):
            return errors.ScratchExhausted(
                f"The guest overwrote {now.used} bytes during the cycle, of a scratch budget of "
                f"{self._budget_bytes} bytes; {self._scratch} has {now.used + now.free} bytes for it."
            )
        if time.monotonic() > self._ends_at:
            return errors.DeadlineExceeded(
                f"The cycle took more than {self._seconds:.0f} s and was given up."
            )
        return None

    def _is_in_the_way(self) -> bool:
        age = time.monotonic() - (self._ends_at - self._seconds)
        return age > ASK_SECONDS and self._session.wanted_seconds() > PATIENCE_SECONDS

    def _free_bytes(self) -> int:
        """Free bytes of the scratch file system, which others fill too, whatever the budget is."""
        return usage.free_bytes(self._scratch)


class Guard:
    """The thread that looks at all guarded cycles."""

    def __init__(self, reserve: ScratchReserve) -> None:
        self._reserve = reserve
        self._changed = threading.Condition()
        self._cycles: set[GuardedCycle] = set()
        self._stopping = False
        self._thread = threads.worker("cycle-guard", self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(5)
        self._reserve.release()

    @contextmanager
    def over(self, cycle: GuardedCycle) -> Iterator[GuardedCycle]:
        """Guard `cycle` inside the context; an error that the guard caused is raised as the guard's
        reason."""
        self._reserve.fill()
        with self._changed:
            self._cycles.add(cycle)
            self._changed.notify_all()
        try:
            yield cycle
        except Exception as error:
            cycle.find_reason()
            if cycle.ended_by is None or (
                isinstance(cycle.ended_by, ScratchUnseen) and isinstance(error, PeerRefused)
            ):
                raise  # a refusal ends the view, and the files go with it
            raise cycle.ended_by from error
        finally:
            with self._changed:
                self._cycles.discard(cycle)
            cycle.settle()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._cycles or self._stopping)
                if self._stopping:
                    return
                now = list(self._cycles)
            for cycle in now:
                try:
                    cycle.look(self._reserve)
                except Exception as error:  # the view ended after the list was made
                    log.debug("cycle.not-seen", problem=str(error))
            time.sleep(POLL_SECONDS)
