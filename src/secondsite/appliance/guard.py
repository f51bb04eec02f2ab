"""Ends cycles that would hurt their machine: too much scratch space, too long, or somebody needs the machine.

One thread looks at all running cycles ten times a second, also while a sender is blocked by a stalled peer: it first
asks the sender to stop, and cuts the connection when that does not help, so that the backup job ends and the guest
goes on (facts P1).
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from ..datapath.channel import Connection
from ..domain import errors

POLL_SECONDS = 0.1
GRACE_SECONDS = 0.4
FULL = 0.8
"""Part of the scratch budget at which a cycle is given up."""
STOP_SECONDS = 1.0
"""How long a cycle may take to end once it is given up; what the guest overwrites meanwhile must fit too."""

log = structlog.get_logger(__name__)


class Interrupted(errors.NotPossibleNow):
    """The cycle was stopped on purpose; nothing is wrong."""

    def __init__(self) -> None:
        super().__init__(
            "The cycle was given up because another order needs the machine.", do="Retry after that order."
        )


class Watch:
    """One cycle under guard."""

    def __init__(
        self, connection: Connection, scratch_bytes: Callable[[], int], scratch: Path, budget_bytes: int,
        seconds: float, interrupt: threading.Event,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._scratch_bytes = scratch_bytes
        self._scratch = scratch
        self._budget_bytes = budget_bytes
        self._seconds = seconds
        self._interrupt = interrupt
        self._ends_at = time.monotonic() + seconds
        self._cut_at = 0.0
        self._seen = (time.monotonic(), 0)
        self.verdict: Exception | None = None

    def cancelled(self) -> bool:
        """For the sender: whether to stop."""
        return self.verdict is not None

    def look(self) -> None:
        if self.verdict is not None:
            if time.monotonic() > self._cut_at:
                self._connection.cut()
            return
        self.verdict = self._judge()
        self._cut_at = time.monotonic() + GRACE_SECONDS

    def _judge(self) -> Exception | None:
        if self._interrupt.is_set():
            return Interrupted()
        used = self._scratch_bytes()
        room = used + self._free_bytes()
        room_for_us = min(self._budget_bytes, room)
        if used > FULL * room_for_us or used + self._growth(used) * STOP_SECONDS > room_for_us:
            return errors.ScratchExhausted(
                f"The guest overwrote {used} bytes during the cycle, of a scratch budget of {self._budget_bytes} bytes; "
                f"{self._scratch} has room for {room}."
            )
        if time.monotonic() > self._ends_at:
            return errors.DeadlineExceeded(
                f"The cycle took more than {self._seconds:.0f} s and was given up."
            )
        return None

    def _growth(self, used: int) -> float:
        """Bytes a second since the last look: a guest that overwrites fast must be let go earlier."""
        (then, before), self._seen = self._seen, (time.monotonic(), used)
        return max(0, used - before) / max(POLL_SECONDS / 2, self._seen[0] - then)

    def _free_bytes(self) -> int:
        """What the file system still takes: other machines and strangers fill it too, whatever our budget says."""
        seen = os.statvfs(self._scratch)
        return seen.f_bavail * seen.f_frsize


class Guard:
    """The thread that looks at all watches."""

    def __init__(self) -> None:
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

    @contextmanager
    def over(self, watch: Watch) -> Iterator[Watch]:
        """Look at `watch` inside the context; an error that the guard caused leaves as the guard's reason."""
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

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._watches or self._stopping)
                if self._stopping:
                    return
                now = list(self._watches)
            for watch in now:
                try:
                    watch.look()
                except Exception as error:  # the view ended between our list and our look
                    log.debug("cycle.guard", problem=str(error))
            time.sleep(POLL_SECONDS)
