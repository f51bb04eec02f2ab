"""What was received becomes what is kept: cycles are applied in order, points that the policy no longer keeps go.

A few workers serve all replicas. A replica that fails (no room, a dead daemon) is tried again later and keeps what it
received; the others go on.
"""

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from ..datapath import cycle_file
from ..datapath import errors as datapath_errors
from ..domain import errors, retention
from ..jobs import seams
from .hosted import Hosted
from .replica_host import ReplicaHost

LOOK_EVERY_SECONDS = 60.0
"""How often replicas without news are looked at: leases end, policies change."""

log = structlog.get_logger(__name__)


class InboxWork:
    """The workers. A replica's work is done by whoever holds it: one of them, or an order that drains it."""

    def __init__(self, host: ReplicaHost, workers: int) -> None:
        self._host = host
        self._changed = threading.Condition()
        self._stopping = False
        self._looked_at = time.monotonic()
        self._workers = [
            threading.Thread(target=self._work, name=f"inbox-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self, within_seconds: float) -> None:
        """End after the frame being written; a half-applied cycle is applied again after the next start."""
        deadline = time.monotonic() + within_seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for worker in self._workers:
            if worker.is_alive():
                worker.join(max(0.1, deadline - time.monotonic()))

    def wanted(self, hosted: Hosted) -> None:
        """There is something to apply, or to trim."""
        with self._changed:
            hosted.wants_work = True
            self._changed.notify()

    def apply_all(self, hosted: Hosted, within_seconds: float) -> int:
        """Apply everything that waits, now; gives how many cycles. The caller holds the replica."""
        deadline = time.monotonic() + within_seconds
        count = 0
        while self._apply_next(hosted):
            count += 1
            if time.monotonic() > deadline and hosted.waiting():
                raise errors.DeadlineExceeded(
                    f"{len(hosted.waiting())} received cycles of {hosted} still wait after {within_seconds:.0f} s.",
                    do="Retry; what was applied stays applied.",
                )
        return count

    def catch_up(self, hosted: Hosted, within_seconds: float) -> None:
        """Make a replica that the caller holds ready for a cycle that comes straight to it: all that waits is applied,
        and its digests tell the head. Raises Cancelled when that takes longer; what was done stays done."""
        deadline = time.monotonic() + within_seconds

        def over() -> bool:
            return self._stopping or time.monotonic() > deadline

        while self._apply_next(hosted, over):
            continue
        if hosted.replica.state.applying_seq is not None:
            hosted.replica.abandon()
        hosted.replica.build_digests(over)
        hosted.wants_digests = False

    def make_room(self) -> bool:
        """The store is full: journals give way. False when there is nothing left to give."""
        return self._host.room.make()

    def _work(self) -> None:
        while not self._stopping:
            try:
                if not self._serve_one():
                    self._rest()
            except Exception:
                log.exception("inbox.worker")
                self._rest()

    def _rest(self) -> None:
        with self._changed:
            if self._stopping:
                return
            self._changed.wait(0.5)
            if time.monotonic() - self._looked_at > LOOK_EVERY_SECONDS:
                self._looked_at = time.monotonic()
                for hosted in self._host.all():
                    hosted.wants_work = hosted.wants_trim = True

    def _serve_one(self) -> bool:
        for hosted in self._host.all():
            if hosted.wants_work and time.monotonic() >= hosted.not_before:
                with hosted.try_hold("applying received cycles") as held:
                    if held and hosted.wants_work:
                        self._serve(hosted)
                        return True
        return False

    def _serve(self, hosted: Hosted) -> None:
        hosted.wants_work = False
        try:
            if self._apply_next(hosted):
                hosted.wants_work = True
            elif hosted.replica.state.applying_seq is not None:
                # we died while it came straight from the wire: nothing here can finish it
                hosted.replica.abandon()
                hosted.wants_digests = hosted.wants_work = True
            elif hosted.wants_digests and hosted.replica.state.head is not None:
                # old disks as a base have none yet; a source that compares would wait for them
                hosted.replica.build_digests(lambda: self._stopping)
                hosted.wants_digests, hosted.wants_work = False, True
            elif hosted.wants_trim:
                hosted.wants_trim = self.trim(hosted)
                if hosted.wants_trim:
                    hosted.wants_work = True
            hosted.succeeded()
            hosted.findings.clear("target-store-full")
        except datapath_errors.Cancelled:
            hosted.wants_work = True
        except Exception as error:
            hosted.wants_work = True
            self._note(hosted, error)

    def _note(self, hosted: Hosted, error: Exception) -> None:
        pause = hosted.failed()
        message = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        full = isinstance(error, datapath_errors.StoreFull | errors.StoreFull)
        if full and self.make_room():
            hosted.succeeded()
            pause = 0.0
        elif full:
            hosted.findings.add("target-store-full", message)
            self._make_room(hosted)
        elif isinstance(error, datapath_errors.KeyMissing | datapath_errors.KeyWrong):
            hosted.lacks_key(error)
        elif not isinstance(error, datapath_errors.StorageDaemonGone):
            hosted.findings.add("replica-damaged", message)
        log.warning("inbox.failed", machine=hosted.machine_id, problem=message, again_in_seconds=pause)

    def _make_room(self, hosted: Hosted) -> None:
        try:
            self.trim(hosted)
        except Exception as error:
            log.info("inbox.trim", machine=hosted.machine_id, problem=str(error))

    # -- one cycle -------------------------------------------------------------------------------------

    def _stops(self) -> bool:
        return self._stopping

    def _apply_next(self, hosted: Hosted, over: Callable[[], bool] | None = None) -> bool:
        """Apply the oldest waiting cycle; False if there is none. Raises Cancelled once it is `over`."""
        for epoch, seq, path in hosted.waiting():
            if epoch != hosted.setup.epoch:
                # sent before the direction turned: its data belongs to a history that was left
                path.unlink(missing_ok=True)
                continue
            self._apply(hosted, seq, path, over or self._stops)
            return True
        return False

    def _apply(self, hosted: Hosted, seq: int, path: Path, over: Callable[[], bool]) -> None:
        state = hosted.replica.state
        half_applied = state.applying_seq
        if half_applied is not None and half_applied != seq:
            hosted.replica.abandon()
        try:
            header, frames = cycle_file.read(path, hosted.replica.sealing)
            if header.base_seq is not None and header.base_seq <= state.processed_seq:
                # built on an older cycle than what is here: all that is dirty since then is in it, so it fits
                header = dataclasses.replace(header, base_seq=None)
            seams.reach("appliance.inbox.applying")
            applied = hosted.replica.apply(header, frames, over)
        except (datapath_errors.CycleDamaged, datapath_errors.CycleOutOfOrder) as error:
            self._discard(hosted, path, error)
            return
        seams.reach("appliance.inbox.applied")
        hosted.cycles.retire(path, hosted.setup.epoch, seq, hosted.setup.policy.journal_seconds)
        seams.reach("appliance.inbox.retired")
        self._trim_journal(hosted)
        hosted.findings.clear("replica-damaged")
        if applied.point_id is not None:
            hosted.refresh()
            hosted.wants_trim = True
        log.debug("cycle.applied", machine=hosted.machine_id, seq=seq, seconds=round(applied.seconds, 3))

    def _discard(self, hosted: Hosted, path: Path, error: datapath_errors.DatapathError) -> None:
        """A cycle that cannot be applied, and all after it: the source then sees the gap and compares."""
        log.error("cycle.discarded", machine=hosted.machine_id, file=path.name, problem=error.message)
        hosted.findings.add("replica-damaged", f"{error.message} The machine is compared and repaired.")
        for _, _, each in reversed(hosted.waiting()):
            each.unlink(missing_ok=True)
        hosted.replica.abandon()

    def _forget_disks(self, hosted: Hosted) -> None:
        """A disk that is no longer protected goes with the last point that has it."""
        for key in set(hosted.replica.state.keys) - set(hosted.setup.disks):
            if hosted.replica.forget_disk(key):
                log.info("disk.forgotten", machine=hosted.machine_id, disk=key)

    # -- retention -------------------------------------------------------------------------------------

    def _trim_journal(self, hosted: Hosted) -> None:
        seconds, budget_bytes = hosted.setup.policy.journal_seconds, self._host.journal_budget_bytes
        hosted.cycles.trim(hosted.points, seconds, budget_bytes)
        self._host.room.look()

    def trim(self, hosted: Hosted) -> bool:
        """Drop what the journal no longer keeps, and one point that the policy no longer keeps; True if there may be
        more points to drop. The caller holds the replica."""
        self._trim_journal(hosted)
        if hosted.replica.state.committed_point_id is not None:
            return False
        points = [point.to_domain() for point in hosted.refresh()]
        state = hosted.replica.state
        spared = {run.point_id for run in state.runs} | {point_id for point_id, _ in state.holds}
        doomed = retention.to_drop(points, hosted.setup.policy.retention_seconds, spared)
        if not doomed:
            self._forget_disks(hosted)
            return False
        hosted.replica.drop(doomed[0].id)
        seams.reach("appliance.replica.dropped")
        hosted.refresh()
        log.debug("point.dropped", machine=hosted.machine_id, point=doomed[0].id)
        return len(doomed) > 1
