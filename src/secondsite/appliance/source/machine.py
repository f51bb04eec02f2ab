"""One machine that is replicated from here: its setup, its progress, and its lock."""

import contextlib
import math
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ...datapath.frames import Choice
from ...domain.machines import rolling_scan
from ...domain.machines.connecting import Sight
from ...domain.machines.rolling_scan import RollingScan
from ...fabrics.interface import PowerState, RunningView
from ...ground.backoff import pause_seconds
from ...ground.units import MiB
from ...wire.common.machines import DiskDefinition, LeftOutDisk
from ...wire.control.setups import SourceSetup
from ...wire.control.statuses import SeenInside, SourceStatus
from ..shared import Findings, MachineLock, State
from . import powered_since
from . import progress as progresses
from .pace import Pace
from .progress import SourceProgress

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
LONGEST_UNREACHABLE_SECONDS = 15.0
"""The longest pause for an unreachable peer: trying costs one packet, and a link that is back should be
used soon."""
FIRST_SLICE_BYTES = 64 * MiB
LEAST_SLICE_BYTES = 4 * MiB
MOST_SLICE_BYTES = 4096 * MiB
SLICE_SECONDS = (3.0, 10.0)
"""How long a cycle of a pass should take: other machines wait for it, and the guest's writes cost scratch
space."""
LONGEST_REST_SECONDS = 60.0
"""How long a resting machine goes without a look of its own, at its disks and what else may have changed."""
LEAST_PAUSE_SECONDS = 0.05
STILL_SHARE = 0.05
"""A machine that stands still for its views does so for at most this share of the time ..."""
LONGEST_STILL_PAUSE_SECONDS = 5.0
"""... unless its points would be too old."""
COMPARED_AGAIN = 20
"""A machine that is off, and whose disks do not prove that they are as they were, is compared again after so
many times as long as that took."""
INSIDE_RENEWED = timedelta(minutes=10)
DEAD_SECONDS = 45.0
"""A machine that died may seem to be there for so long."""
MOST_GROWTH = 8
"""The next slice is at most this many times as large as the last one."""


@dataclass(frozen=True, slots=True)
class LeftOutLook:
    """What was seen of the disks `disks`, which are left out, when the cycle `seq` was prepared."""

    seq: int
    disks: tuple[DiskDefinition, ...]
    found: tuple[LeftOutDisk, ...]


class Source:
    """One machine that is replicated from here. Invariant: only the thread that has the lock changes the
    progress, and each change is durable first."""

    def __init__(self, setup: SourceSetup, progress: SourceProgress, state: State) -> None:
        self.setup = setup
        self.progress = progress
        self.findings = Findings()
        self._pace = Pace()
        self.view: RunningView | None = None
        """How its last view while it ran was opened; None before one."""
        self.choice: Choice | None = None
        """The choice of compression for its stream; None before the first cycle."""
        self.interrupt = threading.Event()
        self.power: PowerState | None = None
        """Its power when it was last looked at; None until then."""
        self.power_seen = 0.0
        self.on_since: datetime | None = None
        self.inside: SeenInside | None = None
        self.fenced = False
        """Whether the machine must not start here, because it was failed over."""
        self.fenced_at = 0.0
        self.unchanged_fingerprint: object = None
        """The fingerprint of a machine that is off when all of it was sent; None if unknown."""
        self.unchanged_at: datetime | None = None
        self.rests = False
        """Whether the running machine wrote nothing when it was last looked at, and the target accepts that
        message."""
        self.rolling: RollingScan | None = None
        """How far what no mark covers is compared; None where that is not done, or before it is known."""
        self.left_out: LeftOutLook | None = None
        """What was seen of the disks that are left out; None before a look at them."""
        self.attached: tuple[str, ...] = ()
        """The disks that it had when it was last looked at."""
        self.looked = 0.0
        """When it had its last look of its own, on the monotonic clock."""
        self._noted: tuple[int, int | None, datetime] | None = None
        """Epoch and number of an acknowledged cycle, and until when, as the target has noted, nothing was
        written since."""
        self.slice_bytes = FIRST_SLICE_BYTES
        self._in_slice: tuple[int | None, int] = (None, 0)
        """The cycle that the running slice builds on, and how many bytes of it are done."""
        self.started = 0.0
        """When its last cycle began, on the monotonic clock; 0 if the next one is due at once."""
        self.refused = False
        """Whether the target takes its cycles from another appliance."""
        self.removed = False
        self.tidy = False
        """Whether no view is open and only the acknowledged checkpoint is left; unknown after a start."""
        self._not_before = 0.0
        self._compares_since: float | None = None
        """When a comparison began without which nothing is known of a machine that is off, on the monotonic
        clock."""
        self._is_compared_until = 0.0
        self._still_seconds = 0.0
        self._failures = 0
        self.unreached = False
        """Whether its target could not be reached when that was last tried."""
        self._state = state
        self._written: tuple[SourceSetup | None, str] = (None, "")
        """The setup that was saved last, and its JSON: every cycle saves the setup twice."""
        self._longest_rest_seconds = LONGEST_REST_SECONDS * (
            0.75 + zlib.crc32(setup.machine_id.encode()) % 100 / 200
        )
        """It differs by machine, so that machines that began together do not all have a look of their own at
        once."""
        self._lock = MachineLock(lambda: str(self), lambda: self.removed)

    @property
    def machine_id(self) -> str:
        return self.setup.machine_id

    def __str__(self) -> str:
        return f"{self.setup.machine_name} ({self.machine_id})"

    # -- what is durable -------------------------------------------------------------------------------

    def save(self, progress: SourceProgress, setup: SourceSetup | None = None) -> None:
        """Save progress and setup; durable when it returns."""
        setup = setup or self.setup
        if self._written[0] is not setup:
            self._written = setup, setup.model_dump_json()
        self._state.put_source(setup.machine_id, self._written[1], progress.model_dump_json())
        self.setup, self.progress = setup, progress
        self.rests = False

    def change(self, **values: object) -> None:
        """Save the progress with these fields changed."""
        self.save(self.progress.model_copy(update=values))

    def renew(self, setup: SourceSetup) -> bool:
        """Use a new setup; a new epoch starts from nothing. False if nothing changed."""
        same_epoch = setup.epoch == self.setup.epoch
        if setup == self.setup and not self.progress.paused:
            return False
        progress = progresses.fresh(setup)
        if same_epoch:
            progress = progresses.with_disks(self.progress, self.setup.disks, setup.disks)
        self.save(progress.model_copy(update={"paused": False}), setup)
        self.unchanged_fingerprint = None
        return True

    # -- its lock ----------------------------------------------------------------------------------

    @contextmanager
    def lock(self, purpose: str, within_seconds: float, interrupt: bool = False) -> Iterator[None]:
        """Lock the machine; `interrupt` gives up a running cycle. Raises DeadlineExceeded, NotFound."""
        if interrupt:
            self.interrupt.set()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._lock.acquire(purpose, within_seconds))
            finally:
                if interrupt:
                    self.interrupt.clear()
            yield

    def try_lock(self, purpose: str) -> contextlib.AbstractContextManager[bool]:
        """Lock the machine if nobody has it or waits for it; yields whether it is locked."""
        return self._lock.try_acquire(purpose)

    def meet(self, choice: Choice) -> None:
        """Choose compression for the first cycle to a target from what streams of other machines measured."""
        self.choice = choice
        known = int(choice.bytes_per_second * SLICE_SECONDS[0])
        self.slice_bytes = min(max(self.slice_bytes, known), MOST_SLICE_BYTES)

    # -- when it is due --------------------------------------------------------------------------------

    @property
    def due(self) -> float | None:
        """When the next cycle may begin, on the monotonic clock; None while there is nothing to do."""
        if self.progress.paused or self.removed:
            return None
        if self.progress.passes and not self._failures:
            return self.started
        still = min(self._still_seconds / STILL_SHARE, LONGEST_STILL_PAUSE_SECONDS)
        pause = max(self.setup.policy.cycle_seconds, still)
        return max(self.started + pause, self._not_before, self._is_compared_until)

    @property
    def pause_seconds(self) -> float:
        return self.setup.policy.cycle_seconds

    @property
    def may_rest(self) -> bool:
        """Whether the target may be told of it in a round. It still may while the target is out of reach:
        otherwise, once that is back, each machine would need a cycle of its own before it rests again."""
        well = self._failures == 0 or self.unreached
        return self.rests and well and self.power is not PowerState.OFF and self.tidy

    @property
    def late(self) -> float | None:
        """How late its own next cycle is, as a share of the pause before it; None before it is due. A resting
        machine needs one only for a look of its own and for a point; until then rounds include it."""
        due, now = self.due, time.monotonic()
        if due is None:
            return None
        if self.may_rest and self.unreached:
            return None  # a round finds out for many at once whether the target is back
        if self.may_rest:
            passed = max((now - self.looked) / self._longest_rest_seconds, self._passed_to_point())
            return passed - 1 if passed >= 1 else None
        if due > now:
            return None
        return (now - due) / max(self.pause_seconds, LEAST_PAUSE_SECONDS) if self.started else math.inf

    def _passed_to_point(self) -> float:
        now = datetime.now(UTC)
        return max(self._passed_to_crash_point(now), self._passed_to_app_point(now))

    def _passed_to_crash_point(self, now: datetime) -> float:
        return _passed(self.progress.point_at, now, self.setup.policy.crash_consistent_every_seconds)

    def _passed_to_app_point(self, now: datetime) -> float:
        policy, progress = self.setup.policy, self.progress
        if not policy.app_consistent_every_seconds or progress.passes or self.power is not PowerState.RUNNING:
            return 0.0
        return _passed(progress.app_point_at, now, policy.app_consistent_every_seconds)

    def point_due(self, now: datetime) -> bool:
        """Whether the policy wants a recovery point with the next cycle."""
        return self._passed_to_crash_point(now) >= 1

    def app_point_due(self, now: datetime) -> bool:
        """Whether it wants an app-consistent one."""
        return self._passed_to_app_point(now) >= 1

    def rested(self, until: datetime, began: float) -> None:
        """Note that the target knows that nothing was written until then; `began` is when it was asked, on
        the monotonic clock."""
        self.rests, self.started = True, began
        self._noted = self.setup.epoch, self.progress.last_seq, until

    def succeeded(self) -> None:
        self._failures, self.refused, self.unreached = 0, False, False
        self._not_before = 0.0
        if not self.progress.passes:
            return  # how long changes take tells nothing of a slice
        seconds = self.progress.last_cycle_seconds or 0.0
        if seconds > SLICE_SECONDS[1]:
            self.slice_bytes = max(self.slice_bytes // 2, LEAST_SLICE_BYTES)
        elif seconds < SLICE_SECONDS[0]:
            # If slices grew slowly, a fast link would spend its time between them.
            factor = min(MOST_GROWTH, int(SLICE_SECONDS[0] / max(seconds, 0.1)) + 1)
            self.slice_bytes = min(self.slice_bytes * factor, MOST_SLICE_BYTES)

    def passed(self, slice_bytes: int) -> None:
        """Note how many bytes of the running slice are done."""
        self._in_slice = self.progress.last_seq, slice_bytes

    @property
    def _passed_in_slice(self) -> int:
        """Until the slice is acknowledged: then its bytes are in the progress."""
        seq, slice_bytes = self._in_slice
        return slice_bytes if seq == self.progress.last_seq else 0

    def slimmer(self) -> None:
        """Shrink the next slice, because the last one used too much scratch space."""
        self.slice_bytes = max(self.slice_bytes // 4, LEAST_SLICE_BYTES)

    def failed(self, unreachable: bool = False) -> float:
        """Back off: 1, 2, 4 … 60 s, at most 15 s if the peer is `unreachable`; gives the seconds."""
        longest = LONGEST_UNREACHABLE_SECONDS if unreachable else LONGEST_BACKOFF_SECONDS
        self._failures += 1
        self.unreached = unreachable
        pause = pause_seconds(self._failures, FIRST_BACKOFF_SECONDS, longest)
        self._not_before = time.monotonic() + pause
        return pause

    def stood_still(self, seconds: float) -> None:
        """Note how long the machine stood still for its last view."""
        self._still_seconds = seconds

    def compares_at_rest(self) -> None:
        """Note that all blocks are compared because the machine is off."""
        if self._compares_since is None:
            self._compares_since = time.monotonic()

    def compared(self) -> None:
        """Note that no comparison is under way: one of a machine that is off takes a share of its storage's
        time, and no more."""
        if self._compares_since is not None:
            now = time.monotonic()
            self._is_compared_until = now + COMPARED_AGAIN * (now - self._compares_since)
            self._compares_since = None

    def hurry(self) -> None:
        """Let the next cycle begin at once."""
        self._failures, self._not_before, self.started, self._is_compared_until = 0, 0.0, 0.0, 0.0
        self._still_seconds = 0.0
        self.unreached = False

    def saw(self, power: PowerState) -> None:
        """Note what the machine's power is now."""
        self.on_since = powered_since.since(self.power, self.on_since, power)
        if power is not PowerState.OFF:
            self._compares_since, self._is_compared_until = None, 0.0
        self.power, self.power_seen = power, time.monotonic()

    def fence(self) -> None:
        """Note that the machine must not run here any more. What was seen of it before tells nothing."""
        if not self.fenced:
            self.fenced, self.fenced_at = True, time.monotonic()
            self._forget_that_it_is_on()

    def saw_inside(self, sight: Sight | None) -> None:
        """Note what lets somebody connect. The same a moment later is no news."""
        found, last = None if sight is None else SeenInside.of(sight), self.inside
        if (
            found is None
            or last is None
            or found.at is None
            or last.at is None
            or found.model_copy(update={"at": last.at}) != last
            or abs(found.at - last.at) > INSIDE_RENEWED
        ):
            self.inside = found

    def lost_sight(self) -> None:
        """Note that nobody can say now whether the machine is on. One that surely ran after it was failed
        over counts as on until it is seen again."""
        if self.fenced and self.power_seen - self.fenced_at > DEAD_SECONDS:
            return
        self._forget_that_it_is_on()

    def _forget_that_it_is_on(self) -> None:
        if self.power is not None and self.power.is_on:
            self.power = None

    @property
    def sent_at(self) -> datetime | None:
        """Until which instant the target has the machine's content; None before that is so."""
        if self._noted is not None and self._noted[:2] == (self.setup.epoch, self.progress.last_seq):
            return self._noted[2]
        return self.progress.taken_at

    @property
    def _rolling_fraction(self) -> float | None:
        """Rounded, so that it seldom is another one."""
        if self.rolling is None:
            return None
        return round(rolling_scan.fraction(self.rolling, self.progress.sizes_bytes), 3)

    # -- its status ----------------------------------------------------------------------------------

    def status(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SourceStatus:
        """The status for the vault. A machine that is off and completely sent loses nothing, so `sent_at`
        is now."""
        unchanged = self.unchanged_fingerprint is not None and self.power is PowerState.OFF
        return SourceStatus(
            machine_id=self.machine_id,
            epoch=self.setup.epoch,
            power=str(self.power or "unknown"),
            on_since=self.on_since,
            fenced=self.fenced,
            running=not self.progress.paused,
            all_sent=unchanged,
            last_seq=self.progress.last_seq,
            sent_at=(self.unchanged_at or now()) if unchanged else self.sent_at,
            sync_mode=self.progress.sync_mode,
            sync_fraction=self.progress.sync_fraction(self._passed_in_slice),
            sync_seconds_left=self._pace.seconds_left(self.progress, time.monotonic(), self._passed_in_slice),
            view=self.view.kind if self.view else None,
            view_reason=self.view.reason if self.view else None,
            last_cycle_seconds=self.progress.last_cycle_seconds,
            last_cycle_changed_bytes=self.progress.last_cycle_changed_bytes,
            last_cycle_wire_bytes=self.progress.last_cycle_wire_bytes,
            total_wire_bytes=self.progress.total_wire_bytes,
            findings=self.findings.all(),
            hardware=self.progress.hardware,
            rolling_fraction=self._rolling_fraction,
            rolled_at=self.rolling.ended_at if self.rolling else None,
            inside=self.inside,
        )


def _passed(since: datetime | None, now: datetime, seconds: float) -> float:
    """How much of a pause has passed since then, as a share; 1 if the start is not known."""
    if since is None or since > now or not seconds:
        return 1.0
    return (now - since).total_seconds() / seconds
