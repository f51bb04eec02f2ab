"""A frozen view that is opened only to see whether one can be: as a first cycle opens it, with the same
guard. A block or two of each disk are read; nothing of it stays."""

import threading
import time
from collections.abc import Sequence

from ...datapath.extents import BLOCK_BYTES
from ...domain import errors
from ...fabrics.interface import ChangeSession, Fabric, SessionRequest
from ..shared import ApplianceConfig
from . import leftover_views
from .cycle_guard import Guard, GuardedCycle

LONGEST_SECONDS = 8.0
TURN_SECONDS = 4.0
CHECKPOINT = "secondsite-trial"
"""A name that no checkpoint gets."""


class _Reader:
    """Stands for the peer of a cycle: it is the view itself that is given up."""

    def __init__(self, session: ChangeSession) -> None:
        self.cut = session.abandon


class ViewTrials:
    """At most one at a time, whoever asks."""

    def __init__(self, config: ApplianceConfig, fabric: Fabric, guard: Guard) -> None:
        self._config, self._fabric, self._guard = config, fabric, guard
        self._turn = threading.Lock()

    def run(self, fabric_id: str, disks: Sequence[str], interrupt: threading.Event | None = None) -> float:
        """Seconds that it took. The caller has locked the machine if it is replicated from here, and gives
        what interrupts its cycles. Raises the fabric's errors, CycleInterrupted, and NotPossibleNow while
        another machine's is tried."""
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise errors.NotPossibleNow("Another machine's view is tried.", do="Check again.")
        try:
            began = time.monotonic()
            self._view(fabric_id, disks, interrupt or threading.Event())
            return time.monotonic() - began
        finally:
            self._turn.release()

    def _view(self, fabric_id: str, disks: Sequence[str], interrupt: threading.Event) -> None:
        config = self._config
        request = SessionRequest(
            fabric_id=fabric_id,
            disks=tuple(disks),
            base=None,
            new_checkpoint=CHECKPOINT,
            scratch_dir=config.scratch,
            longest_seconds=2 * LONGEST_SECONDS,
            trial=True,
        )
        with self._fabric.tracking.open(request) as session:
            guarded = GuardedCycle(
                _Reader(session), session, config.scratch, config.scratch_budget_bytes, LONGEST_SECONDS,
                interrupt,
            )  # fmt: skip
            with self._guard.over(guarded), leftover_views.read(session, LONGEST_SECONDS) as opened:
                for disk in opened:
                    length = min(BLOCK_BYTES, disk.size_bytes)
                    disk.pread(length, 0)
                    disk.pread(length, disk.size_bytes - length)
