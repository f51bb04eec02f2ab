"""Ends cycles that would hurt their machine: too much scratch space, too long, or somebody needs the machine.

One thread looks at all running cycles ten times a second, also while a sender is blocked by a stalled peer: it first
asks the sender to stop, and cuts the connection when that does not help, so that the backup job ends and the guest
goes on (facts P1). When scratch space runs out it does not wait for the sender: it lets go of the ballast and ends the
job itself.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from ..datapath.channel import Connection
from ..domain import errors
from ..fabrics.interface import ChangeSession
from .ballast import Ballast

POLL_SECONDS = 0.1
GRACE_SECONDS = 0.4
FULL = 0.8
"""Part of the scratch budget at which a cycle is given up."""
ABANDON_SECONDS = 60.0
STOP_SECONDS = 1.0
"""How long a cycle may take to end once it is given up; what the guest overwrites meanwhile must fit too."""

log = structlog.get_logger(__name__)


class Interrupted(errors.NotPossibleNow):
    """The cycle was stopped on purpose; nothing is wrong."""

    def __init__(self) -> None:
        super().__init__(
            "The cycle was given up because another order needs the machine.", do="Retry after that order."
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A look at the scratch space: bytes that this cycle uses, and those that the file system still takes."""

    at: float
    used: int
    free: int

    def is_full(self, budget_bytes: int) -> bool:
        return self.used > FULL * min(budget_bytes, self.used + self.free)

    def fills_up(self, before: "_Seen", budget_bytes: int) -> bool:
        """Whether what was taken since that look, by this guest or by all who fill the file system, meets the end before
        the cycle can be ended: who overwrites fast must be let go earlier."""
        ahead = STOP_SECONDS / max(POLL_SECONDS / 2, self.at - before.at)
        ours, all_taken = max(0, self.used - before.used), max(0, before.free - self.free)
        left = min(budget_bytes - self.used, self.free)
        return ours * ahead > left or (self.used > 0 and all_taken * ahead > self.free)


class Watch:
    """One cycle under guard."""

    def __init__(
        self, connection: Connection, session: ChangeSession, scratch: Path, budget_bytes: int,
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
        self._seen: _Seen | None = None
        self._abandoning: threading.Thread | None = None
        self.verdict: Exception | None = None

    def cancelled(self) -> bool:
        """For the sender: whether to stop."""
        return self.verdict is not None

    def look(self, ballast: Ballast) -> None:
        if self.verdict is not None:
            if time.monotonic() > self._cut_at:
                self._connection.cut()
            return
        self.verdict = self._judge()
        self._cut_at = time.monotonic() + GRACE_SECONDS
        if isinstance(self.verdict, errors.ScratchExhausted):
            ballast.give()
            self._abandon()

    def _abandon(self) -> None:
        """End the job from a thread of its own: a hypervisor that does not answer must not keep the guard from the others."""
        self._abandoning = threading.Thread(target=self._end_job, name="cycle-abandon", daemon=True)
        self._abandoning.start()

    def _end_job(self) -> None:
        try:
            self._session.abandon()
        except Exception as error:  # the view's owner ends it too, and says what is wrong
            log.info("cycle.abandon", problem=str(error))

    def settle(self) -> None:
        """Before the view is left: whatever ends the job is through, for the next job is none of its business."""
        if self._abandoning is not None:
            self._abandoning.join(ABANDON_SECONDS)

    def _judge(self) -> Exception | None:
        if self._interrupt.is_set():
            return Interrupted()
        before = self._seen
        self._seen = now = _Seen(time.monotonic(), self._session.scratch_bytes(), self._free_bytes())
        if now.is_full(self._budget_bytes) or (before and now.fills_up(before, self._budget_bytes)):
            return errors.ScratchExhausted(
                f"The guest overwrote {now.used} bytes during the cycle, of a scratch budget of {self._budget_bytes} "
                f"bytes; {self._scratch} has room for {now.used + now.free}."
            )
        if time.monotonic() > self._ends_at:
            return errors.DeadlineExceeded(
                f"The cycle took more than {self._seconds:.0f} s and was given up."
            )
        return None

    def _free_bytes(self) -> int:
        """What the file system still takes: other machines and strangers fill it too, whatever our budget says."""
        seen = os.statvfs(self._scratch)
        return seen.f_bavail * seen.f_frsize


class Guard:
    """The thread that looks at all watches."""

    def __init__(self, ballast: Ballast) -> None:
        self._ballast = ballast
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="cycle-guard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(5)
        self._ballast.give()

    @contextmanager
    def over(self, watch: Watch) -> Iterator[Watch]:
        """Look at `watch` inside the context; an error that the guard caused leaves as the guard's reason."""
        self._ballast.take()
        with self._changed:
            self._watches.add(watch)
            self._changed.notify_all()
        try:
            yield watch
        except Exception as error:
            if watch.verdict is None:
                raise
            raise watch.verdict from error
        finally:
            with self._changed:
                self._watches.discard(watch)
            watch.settle()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._watches or self._stopping)
                if self._stopping:
                    return
                now = list(self._watches)
            for watch in now:
                try:
                    watch.look(self._ballast)
                except Exception as error:  # the view ended between our list and our look
                    log.debug("cycle.guard", problem=str(error))
            time.sleep(POLL_SECONDS)
