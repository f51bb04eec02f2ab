"""Finds damage before a point is needed: rereads points in the background and compares their digests.

One point at a time, no faster than the configured rate, and only while no received cycle waits. First
points that were never read, newest first; then the one read longest ago. Results are durable, so a restart
continues. Between two points a portion of a journal is read (see scrub_journal)."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import structlog

from ...datapath import errors as datapath_errors
from ...datapath.digests import Asked, Told
from ...datapath.replica import Verification
from ...ground import seams
from ...ground.periodic import Periodic
from ...wire.common.points import PointShape
from ..shared import ApplianceConfig
from .apply import Applier
from .replica import HostedReplica
from .replicas import ReplicaHost
from .scrub_journal import JournalScrub

REPAIR_LOCK_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 60.0
PAUSE_LOOK_SECONDS = 0.2

log = structlog.get_logger(__name__)
Due = tuple[HostedReplica, PointShape]


def verify(hosted: HostedReplica, point_id: str, cancelled: Asked, told: Told) -> Verification:
    """Read a point and record the result durably. Raises datapath errors, Cancelled."""
    verdict = hosted.replica.verify(point_id, cancelled, told)
    seams.reach("appliance.scrub.read")
    hosted.verdicts.note(point_id, verdict.bad, datetime.now(UTC), hosted.replica.point_ids)
    hosted.refresh(only_new=True)
    seams.reach("appliance.scrub.noted")
    return verdict


def next_point(
    points: Iterable[PointShape], now: datetime, again_seconds: float, passed_over: Iterable[str] = ()
) -> PointShape | None:
    """The newest point that was never read; else the one read longest ago, if at least `again_seconds` ago,
    or at a time in the future. None if nothing is due. Pure."""
    passed = set(passed_over)
    candidates = [point for point in points if not point.committed and point.id not in passed]
    unread = [point for point in candidates if point.verified_at is None]
    if unread:
        return max(unread, key=lambda point: (point.epoch, point.seq))
    before = now - timedelta(seconds=again_seconds)
    old = [
        (point.verified_at, point)
        for point in candidates
        if point.verified_at and not before < point.verified_at <= now  # or the clock was ahead
    ]
    return min(old, key=lambda each: each[0])[1] if old else None


class Scrubber(Periodic):
    """The thread that reads points again. Invariant: it never has a replica locked while it reads."""

    def __init__(self, config: ApplianceConfig, host: ReplicaHost, work: Applier) -> None:
        super().__init__("scrubber", lambda error: log.error("scrub.failed", exc_info=error))
        self._rate = config.scrub_bytes_per_second
        self._rest_seconds = config.scrub_rest_seconds
        self._again_seconds = config.scrub_again_seconds
        self._host = host
        self._work = work
        self._served: dict[str, float] = {}
        self._failed: set[str] = set()
        self._round_at = float("-inf")
        self._journals = JournalScrub(host, config.scrub_journal_again_seconds, self._unwanted, self._pace)

    def start(self) -> None:
        if self._rate > 0:
            super().start()

    def look(self) -> None:
        """Read what is due. A stop ends it within a chunk; that point is read again after the next start."""
        while not self.stopping.is_set() and self._serve_one():
            pass

    def pause_seconds(self) -> float:
        return self._rest_seconds

    def _serve_one(self) -> bool:
        """Repair damage, read one point and a portion of a journal; False if there is nothing to read."""
        self._begin_round()
        for hosted in self._host.all():
            self._repair(hosted)
        due = self._next()
        if due is not None:
            self._read(*due)
        return self._journals.serve_one() or due is not None

    def _begin_round(self) -> None:
        """Begin a round over postponed and new points, even if points arrive faster than they are read."""
        if time.monotonic() - self._round_at >= self._rest_seconds:
            self._round_at = time.monotonic()
            self._failed.clear()
            self._journals.begin_round()

    def _next(self) -> Due | None:
        """The next point to read, of the machine that was served longest ago."""
        now = datetime.now(UTC)
        for hosted in sorted(self._host.all(), key=lambda each: self._served.get(each.machine_id, 0.0)):
            if not self._unwanted(hosted):
                point = next_point(hosted.points, now, self._again_seconds, self._failed)
                if point is not None:
                    self._served[hosted.machine_id] = time.monotonic()
                    return hosted, point
        return None

    def _read(self, hosted: HostedReplica, point: PointShape) -> None:
        def cancelled() -> bool:
            return self._unwanted(hosted)

        try:
            verdict = verify(hosted, point.id, cancelled, lambda _, read: self._pace(read, cancelled))
        except datapath_errors.DatapathError as error:
            # Dropped by retention, cancelled, or the daemon died: the next round tries again.
            is_away = isinstance(error, datapath_errors.OldDiskAway)  # as it is for the others
            self._failed |= {each.id for each in hosted.points} if is_away else {point.id}
            log.info("scrub.postponed", machine=hosted.machine_id, point=point.id, problem=error.message)
            return
        if not verdict.ok:
            log.error("point.damaged", machine=hosted.machine_id, point=point.id, bad=verdict.bad)
            return
        log.debug("point.verified", machine=hosted.machine_id, point=point.id,
                  read_bytes=verdict.read_bytes, seconds=round(verdict.seconds, 3))  # fmt: skip

    def _unwanted(self, hosted: HostedReplica) -> bool:
        """Whether to stop reading: a failover, or the appliance that is to get it, needs the disks more."""
        is_free = hosted.accepting and not hosted.removed and not hosted.left_alone
        return self.stopping.is_set() or not is_free

    def _repair(self, hosted: HostedReplica) -> None:
        """Ask the source for a comparison, if damage was found. The digests are dropped first: they describe
        what was written, and would hide the damage."""
        if not hosted.accepting or not hosted.verdicts.needs_repair(hosted.points):
            return
        try:
            with hosted.lock("asking for a comparison", REPAIR_LOCK_SECONDS):
                hosted.replica.forget_digests()
                seams.reach("appliance.scrub.digests-forgotten")
                hosted.verdicts.ask_for_comparison()
                hosted.wants_digests = True
            self._work.wanted(hosted)
        except Exception as error:
            log.warning("comparison.not-asked", machine=hosted.machine_id, problem=str(error))

    def _pace(self, read: int, cancelled: Asked) -> None:
        """Sleep as the rate requires and while a cycle waits; return early when the disks are needed."""
        self._rest(read / self._rate, cancelled)
        self._rest(LONGEST_PAUSE_SECONDS, lambda: cancelled() or not self._busy())

    def _rest(self, seconds: float, is_enough: Asked) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not is_enough():
            self.stopping.wait(min(left, PAUSE_LOOK_SECONDS))

    def _busy(self) -> bool:
        now = time.monotonic()
        return any(hosted.wants_work and hosted.not_before <= now for hosted in self._host.all())


def teller(size_bytes: int, progress: Callable[[float, str], None], every_seconds: float = 0.5) -> Told:
    """A function that turns bytes read into progress sentences, at most one every `every_seconds`."""
    through, told_at = 0, 0.0

    def told(count: int, _read: int) -> None:
        nonlocal through, told_at
        through += count
        if time.monotonic() - told_at >= every_seconds:
            told_at = time.monotonic()
            progress(min(1.0, through / max(1, size_bytes)), f"read {through} of {size_bytes} bytes")

    return told
