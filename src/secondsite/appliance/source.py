"""One machine that is replicated from here: its setup, its progress, and who holds it now."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ..datapath.codec_choice import Choice
from ..domain.units import MiB
from ..fabrics.interface import PowerState
from ..wire.replication import SourceSetup, SourceStatus
from . import progress as progresses
from .findings import Findings
from .holding import Holding
from .progress import Progress
from .state import State

LONGEST_BACKOFF_SECONDS = 60.0
LONGEST_UNREACHABLE_SECONDS = 15.0
"""Nobody waits long for a link that is back; looking costs one packet."""
FIRST_SLICE_BYTES = 64 * MiB
LEAST_SLICE_BYTES = 4 * MiB
MOST_SLICE_BYTES = 4096 * MiB
SLICE_SECONDS = (3.0, 10.0)
MOST_GROWTH = 8
"""How many times as large the next slice may be."""
"""A cycle of a pass is to take so long: other machines wait for it, and the guest's writes cost scratch space."""


class Source:
    """Invariant: only the thread that holds the machine changes its progress, and each change is durable first."""

    def __init__(self, setup: SourceSetup, progress: Progress, state: State) -> None:
        self.setup = setup
        self.progress = progress
        self.findings = Findings()
        self.choice: Choice | None = None
        """What its stream learnt about the way to the target; None before the first cycle."""
        self.interrupt = threading.Event()
        self.power = PowerState.RUNNING
        self.quiet_as: object = None
        """What the disks of a machine that is off looked like when all of it was sent; None when unknown."""
        self.quiet_at: datetime | None = None
        self.slice_bytes = FIRST_SLICE_BYTES
        self.started = 0.0
        self.removed = False
        self._not_before = 0.0
        self._failures = 0
        self._state = state
        self._holding = Holding(lambda: str(self), lambda: self.removed)

    @property
    def machine_id(self) -> str:
        return self.setup.machine_id

    def __str__(self) -> str:
        return f"{self.setup.machine_name} ({self.machine_id})"

    # -- what is durable -------------------------------------------------------------------------------

    def save(self, progress: Progress, setup: SourceSetup | None = None) -> None:
        """Remember: durable when this returns."""
        setup = setup or self.setup
        self._state.put_source(setup.machine_id, setup.model_dump_json(), progress.model_dump_json())
        self.setup, self.progress = setup, progress

    def change(self, **values: object) -> None:
        """Save the progress with these fields changed."""
        self.save(self.progress.model_copy(update=values))

    def renew(self, setup: SourceSetup) -> bool:
        """Take a new setup; an epoch that is not the known one starts from nothing. False if nothing changed."""
        same_epoch = setup.epoch == self.setup.epoch
        if setup == self.setup and not self.progress.paused:
            return False
        progress = progresses.fresh(setup)
        if same_epoch:
            progress = progresses.with_disks(self.progress, self.setup.disks, setup.disks)
        self.save(progress.model_copy(update={"paused": False}), setup)
        self.quiet_as = None
        return True

    # -- who holds it ----------------------------------------------------------------------------------

    @contextmanager
    def hold(self, purpose: str, within_seconds: float, interrupt: bool = False) -> Iterator[None]:
        """Have the machine alone; `interrupt` gives up the cycle that runs. Raises DeadlineExceeded, NotFound."""
        if interrupt:
            self.interrupt.set()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._holding.hold(purpose, within_seconds))
            finally:
                if interrupt:
                    self.interrupt.clear()
            yield

    def try_hold(self, purpose: str) -> contextlib.AbstractContextManager[bool]:
        """Have the machine alone if nobody has it or waits for it; tells whether."""
        return self._holding.try_hold(purpose)

    def meet(self, choice: Choice) -> None:
        """The first cycle to a target begins with what streams of other machines found out about the way to it."""
        self.choice = choice
        known = int(choice.bytes_per_second * SLICE_SECONDS[0])
        self.slice_bytes = min(max(self.slice_bytes, known), MOST_SLICE_BYTES)

    # -- when it is due --------------------------------------------------------------------------------

    @property
    def due(self) -> float | None:
        """When the next cycle may begin, on the monotonic clock; None while nothing is to be done."""
        if self.progress.paused or self.removed:
            return None
        if self.progress.passes and not self._failures:
            return self.started
        return max(self.started + self.setup.policy.cycle_seconds, self._not_before)

    def succeeded(self) -> None:
        self._failures = 0
        self._not_before = 0.0
        seconds = self.progress.last_cycle_seconds or 0.0
        if seconds > SLICE_SECONDS[1]:
            self.slice_bytes = max(self.slice_bytes // 2, LEAST_SLICE_BYTES)
        elif seconds < SLICE_SECONDS[0]:
            # a fast link would spend its time between slices if they grew step by step
            factor = min(MOST_GROWTH, int(SLICE_SECONDS[0] / max(seconds, 0.1)) + 1)
            self.slice_bytes = min(self.slice_bytes * factor, MOST_SLICE_BYTES)

    def slimmer(self) -> None:
        """The last slice used too much scratch space."""
        self.slice_bytes = max(self.slice_bytes // 4, LEAST_SLICE_BYTES)

    def failed(self, unreachable: bool = False) -> float:
        """Back off by 1, 2, 4 … 60 s, of a peer that is `unreachable` … 15 s; gives the seconds."""
        longest = LONGEST_UNREACHABLE_SECONDS if unreachable else LONGEST_BACKOFF_SECONDS
        pause = min(2.0**self._failures, longest)
        self._failures = min(self._failures + 1, 10)
        self._not_before = time.monotonic() + pause
        return pause

    def hurry(self) -> None:
        """The next cycle may begin at once."""
        self._failures, self._not_before, self.started = 0, 0.0, 0.0

    # -- what is told ----------------------------------------------------------------------------------

    def status(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SourceStatus:
        """As the vault sees it. A machine that is off and wholly sent loses nothing, so `sent_at` is now."""
        quiet = self.quiet_as is not None and self.power is PowerState.OFF
        return SourceStatus(
            machine_id=self.machine_id,
            epoch=self.setup.epoch,
            power=str(self.power),
            running=not self.progress.paused,
            last_seq=self.progress.last_seq,
            sent_at=(self.quiet_at or now()) if quiet else self.progress.taken_at,
            sync_mode=self.progress.sync_mode,
            sync_fraction=self.progress.sync_fraction,
            last_cycle_seconds=self.progress.last_cycle_seconds,
            last_cycle_changed_bytes=self.progress.last_cycle_changed_bytes,
            last_cycle_wire_bytes=self.progress.last_cycle_wire_bytes,
            total_wire_bytes=self.progress.total_wire_bytes,
            findings=self.findings.all(),
        )
