"""Rot is found before it is needed: points are read again in the background and compared with their digests.

One point at a time, no faster than the configured rate, and only while no received cycle waits. First the points that
were never read, the newest before the others; then the one that was read longest ago. What was found is durable, so a
restart goes on where it was. Between two points a portion of a journal is read (see scrub_journal).
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import structlog

from ..datapath import errors as datapath_errors
from ..datapath.digest_map_scan import Asked, Told
from ..datapath.replica_verify import Verdict
from ..jobs import seams
from ..wire.replication import PointShape
from .config import ApplianceConfig
from .hosted import Hosted
from .inbox_work import InboxWork
from .replica_host import ReplicaHost
from .scrub_journal import JournalScrub

REPAIR_HOLD_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 60.0
PAUSE_LOOK_SECONDS = 0.2

log = structlog.get_logger(__name__)
Due = tuple[Hosted, PointShape]


def verify(hosted: Hosted, point_id: str, cancelled: Asked, told: Told) -> Verdict:
    """Read a point and remember durably what was found. Raises datapath errors, Cancelled."""
    verdict = hosted.replica.verify(point_id, cancelled, told)
    seams.reach("appliance.scrub.read")
    known = [record.point_id for record in hosted.replica.points()]
    hosted.verdicts.note(point_id, verdict.bad, datetime.now(UTC), known)
    hosted.refresh()
    seams.reach("appliance.scrub.noted")
    return verdict


def next_point(
    points: Iterable[PointShape], now: datetime, again_seconds: float, passed_over: Iterable[str] = ()
) -> PointShape | None:
    """The newest that was never read, else the one read longest ago if that is `again_seconds` past; pure."""
    passed = set(passed_over)
    candidates = [point for point in points if not point.committed and point.id not in passed]
    unread = [point for point in candidates if point.verified_at is None]
    if unread:
        return max(unread, key=lambda point: (point.epoch, point.seq))
    before = now - timedelta(seconds=again_seconds)
    old = [
        (point.verified_at, point)
        for point in candidates
        if point.verified_at and point.verified_at <= before
    ]
    return min(old, key=lambda each: each[0])[1] if old else None


class Scrubber:
    """The one thread that reads. Invariant: it never holds a replica while it reads."""

    def __init__(self, config: ApplianceConfig, host: ReplicaHost, work: InboxWork) -> None:
        self._rate = config.scrub_bytes_per_second
        self._rest_seconds = config.scrub_rest_seconds
        self._again_seconds = config.scrub_again_seconds
        self._host = host
        self._work = work
        self._stopping = threading.Event()
        self._served: dict[str, float] = {}
        self._failed: set[str] = set()
        self._round_at = float("-inf")
        self._journals = JournalScrub(host, config.scrub_journal_again_seconds, self._unwanted, self._pace)
        self._thread = threading.Thread(target=self._run, name="scrubber", daemon=True)

    def start(self) -> None:
        if self._rate > 0:
            self._thread.start()

    def stop(self, within_seconds: float) -> None:
        """End within the chunk being read; that point is read again after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within_seconds)

    def _run(self) -> None:
        while not self._stopping.wait(self._rest_seconds):
            try:
                while not self._stopping.is_set() and self._serve_one():
                    pass
            except Exception:
                log.exception("scrub.round")

    def _serve_one(self) -> bool:
        """Repair what was found, read one point and a portion of a journal; False when there is nothing to read."""
        self._begin_round()
        for hosted in self._host.all():
            self._repair(hosted)
        due = self._next()
        if due is not None:
            self._read(*due)
        return self._journals.serve_one() or due is not None

    def _begin_round(self) -> None:
        """Look again at what was put off and what has come; also where points come faster than they are read."""
        if time.monotonic() - self._round_at >= self._rest_seconds:
            self._round_at = time.monotonic()
            self._failed.clear()
            self._journals.begin_round()

    def _next(self) -> Due | None:
        """Of the machine that was served longest ago among those that have a point to read."""
        now = datetime.now(UTC)
        for hosted in sorted(self._host.all(), key=lambda each: self._served.get(each.machine_id, 0.0)):
            if hosted.accepting and not hosted.removed:
                point = next_point(hosted.points, now, self._again_seconds, self._failed)
                if point is not None:
                    self._served[hosted.machine_id] = time.monotonic()
                    return hosted, point
        return None

    def _read(self, hosted: Hosted, point: PointShape) -> None:
        def cancelled() -> bool:
            return self._unwanted(hosted)

        try:
            verdict = verify(hosted, point.id, cancelled, lambda _, read: self._pace(read, cancelled))
        except datapath_errors.DatapathError as error:
            # gone by retention meanwhile, cancelled, or a daemon that died: the next round looks again
            self._failed.add(point.id)
            log.info("scrub.put-off", machine=hosted.machine_id, point=point.id, problem=error.message)
            return
        say = log.debug if verdict.ok else log.error
        say("scrub.read", machine=hosted.machine_id, point=point.id, ok=verdict.ok, bad=verdict.bad,
            read_bytes=verdict.read_bytes, seconds=round(verdict.seconds, 3))  # fmt: skip

    def _unwanted(self, hosted: Hosted) -> bool:
        """Whoever fails over needs the disks more than we do."""
        return self._stopping.is_set() or hosted.removed or not hosted.accepting

    def _repair(self, hosted: Hosted) -> None:
        """Digests that describe what was written, not what is there, would hide the rot from a comparison."""
        if not hosted.accepting or not hosted.verdicts.needs_repair(hosted.points):
            return
        try:
            with hosted.hold("asking for a comparison", REPAIR_HOLD_SECONDS):
                hosted.replica.forget_digests()
                seams.reach("appliance.scrub.digests-forgotten")
                hosted.verdicts.ask_for_comparison()
                hosted.wants_digests = True
            self._work.wanted(hosted)
        except Exception as error:
            log.warning("scrub.repair", machine=hosted.machine_id, problem=str(error))

    def _pace(self, read: int, cancelled: Asked) -> None:
        """Rest as long as the rate asks for, and while a cycle waits; never longer than nobody wants the disks."""
        self._stopping.wait(read / self._rate)
        until = time.monotonic() + LONGEST_PAUSE_SECONDS
        while self._busy() and time.monotonic() < until and not cancelled():
            self._stopping.wait(PAUSE_LOOK_SECONDS)

    def _busy(self) -> bool:
        now = time.monotonic()
        return any(hosted.wants_work and hosted.not_before <= now for hosted in self._host.all())


def teller(size_bytes: int, progress: Callable[[float, str], None], every_seconds: float = 0.5) -> Told:
    """Makes of the bytes read what a person is told, not too often."""
    through, told_at = 0, 0.0

    def told(count: int, _read: int) -> None:
        nonlocal through, told_at
        through += count
        if time.monotonic() - told_at >= every_seconds:
            told_at = time.monotonic()
            progress(min(1.0, through / max(1, size_bytes)), f"read {through} of {size_bytes} bytes")

    return told
