"""Apply received cycles in order, and trim replicas.

A few workers serve all replicas; a spare one serves the sources that no other worker serves. A replica that
fails (a full store, a dead daemon) keeps its received cycles and is tried again later; the others go on."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from ...datapath import errors as datapath_errors
from ...datapath.cycles import cycle_file
from ...domain import errors
from ...ground import seams, threads
from ...ground.plural import counted
from ...ground.problem import ours
from ..shared import FairTurns, HomeFull
from . import old_disks, trimming
from .replica import IN_USE, HostedReplica
from .replicas import ReplicaHost

LOOK_EVERY_SECONDS = 60.0
"""How often idle replicas are looked at: leases end, policies change."""

OF_VALUES = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""Errors that an unforeseen value in a cycle may raise. The same cycle would raise them again, and block all
cycles after it."""

log = structlog.get_logger(__name__)


class Applier:
    """Applies received cycles. Whoever has a replica's lock does its work: a worker, or an order that drains
    it."""

    def __init__(self, host: ReplicaHost, workers: int) -> None:
        self._host = host
        self._changed = threading.Condition()
        self._stopping = False
        self._looked_at = time.monotonic()
        self._turns = FairTurns(workers)
        names = (f"inbox-{number}" for number in range(workers))
        self._workers = [threads.worker(name, self._work, False) for name in names]
        self._workers.append(threads.worker("inbox-spare", self._work, True))

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self, within_seconds: float) -> None:
        """End after the current frame; a half-applied cycle is applied again after the next start."""
        deadline = time.monotonic() + within_seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for worker in self._workers:
            if worker.is_alive():
                worker.join(max(0.1, deadline - time.monotonic()))

    def wanted(self, hosted: HostedReplica) -> None:
        """Note that there is something to apply or to trim."""
        with self._changed:
            hosted.wants_work, hosted.only_looked_at = True, False
            self._changed.notify()

    def apply_all(self, hosted: HostedReplica, within_seconds: float) -> int:
        """Apply all waiting cycles now; returns how many. The caller has locked the replica. Raises
        DeadlineExceeded."""
        deadline = time.monotonic() + within_seconds
        count = 0
        while self._apply_next(hosted):
            count += 1
            if time.monotonic() > deadline and hosted.waiting():
                raise errors.DeadlineExceeded(
                    (
                        f"{counted(len(hosted.waiting()), 'received cycle')} of {hosted} waited more than "
                        f"{within_seconds:.0f} s to be applied."
                    ),
                    do="Retry; what was applied stays applied.",
                )
        return count

    def catch_up(self, hosted: HostedReplica, within_seconds: float) -> None:
        """Prepare a replica that the caller has locked for a direct cycle: apply all waiting cycles and
        complete its digests. Raises Cancelled if that takes longer; what was done stays done."""
        deadline = time.monotonic() + within_seconds

        def over() -> bool:
            return self._stopping or time.monotonic() > deadline

        while self._apply_next(hosted, over):
            continue
        if hosted.replica.state.applying_seq is not None:
            hosted.replica.abandon()
        hosted.replica.build_digests(over)
        hosted.wants_digests = False

    def free_space(self, hosted: HostedReplica, *, but_its_own: bool = False) -> bool:
        """Shorten journals because the replica's store is full; False if there is nothing left to drop."""
        return self._host.stores.of(hosted).space.free(hosted if but_its_own else None)

    def is_short_of_room(self, hosted: HostedReplica, full: errors.StoreFull) -> bool:
        """Whether it is the replica's store that is full."""
        # A full home once emptied the journals of all machines in a store with plenty of space, in vain.
        if HomeFull not in map(type, (full, full.__cause__)):
            return True
        with contextlib.suppress(OSError):
            return self._host.stores.of(hosted).space.is_short()
        return False

    def _work(self, spare: bool) -> None:
        while not self._stopping:
            try:
                self._want_looks()
                if not self._serve_one(spare):
                    self._rest()
            except Exception:
                log.exception("inbox.worker-failed")
                self._rest()

    def _rest(self) -> None:
        with self._changed:
            if not self._stopping:
                self._changed.wait(0.5)

    def _want_looks(self) -> None:
        with self._changed:
            if time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
                return
            self._looked_at = time.monotonic()
        for hosted in self._host.all():
            if not hosted.wants_work:
                hosted.only_looked_at = hosted.wants_work = True
            hosted.wants_trim = True

    def _serve_one(self, spare: bool) -> bool:
        """Serve the replica that was served longest ago; False if there is no work. So under overload all of
        a thousand replicas are a little late, instead of the last ones never being served. Replicas with
        nothing to do are looked at only when no other has work, for a while."""
        now = time.monotonic()
        wanting = [each for each in self._host.all() if each.wants_work_now(now)]
        wanting.sort(key=_order)
        for hosted in self._turns.order(wanting, _source_of, spare):
            with hosted.try_lock("applying received cycles") as locked:
                if locked and hosted.wants_work:
                    with self._turns.taken(_source_of(hosted)):
                        self._serve(hosted)
                    return True
        return False

    def _serve(self, hosted: HostedReplica) -> None:
        hosted.wants_work, hosted.only_looked_at, hosted.served_at = False, False, time.monotonic()
        try:
            if self._apply_next(hosted):
                hosted.wants_work = True
            elif hosted.replica.state.applying_seq is not None:
                # Left by a crash during a direct cycle: nothing here can finish it.
                hosted.replica.abandon()
                hosted.wants_digests = hosted.wants_work = True
            elif hosted.wants_digests and hosted.replica.state.head is not None:
                # Old disks used as a base have no digests yet; a comparing source would wait for them.
                with hosted.reading() as told:
                    hosted.replica.build_digests(lambda: self._stopping, told)
                hosted.wants_digests, hosted.wants_work = False, True
            elif hosted.wants_trim:
                hosted.wants_trim = trimming.trim(self._host, hosted)
                if hosted.wants_trim:
                    hosted.wants_work = True
            hosted.succeeded()
            hosted.findings.clear("target-store-full", IN_USE)
            hosted.troubles.clear_all_but()
        except datapath_errors.Cancelled:
            hosted.wants_work = True
        except Exception as error:
            hosted.wants_work = True
            self._note(hosted, error)

    def _note(self, hosted: HostedReplica, error: Exception) -> None:
        pause = hosted.failed()
        message = ours(error).message
        full = isinstance(error, errors.StoreFull) and self.is_short_of_room(hosted, error)
        if full and self.free_space(hosted):
            hosted.succeeded()
            pause = 0.0
        elif full:
            hosted.findings.add(
                "target-store-full", f"{message} {self._host.stores.of(hosted).trash.costs()}".strip()
            )
            self._free_by_trimming(hosted)
        elif isinstance(error, errors.KeyMissing | errors.KeyWrong):
            hosted.lacks_key(error)
        elif (away := self._away(hosted)) is not None:
            # Told as damage, it came with the advice to disable protection: whoever did lost the points.
            hosted.troubles.add("target-store-away", away)
        elif datapath_errors.tells_of_another_program(error):
            hosted.in_use(message)
        elif (missing := old_disks.away(hosted)) is not None:
            told = old_disks.waited_for(hosted, missing)
            if isinstance(told, errors.MachineAway):
                log.info("old-disks.awaited", machine=hosted.machine_id, problem=told.message)
                return
            hosted.troubles.add("old-disk-away", missing.message)
        elif isinstance(error, errors.StoreFull):
            hosted.troubles.add("cycle-failed", f"{message} {error.do}")
        elif not isinstance(error, datapath_errors.StorageDaemonGone):
            hosted.troubles.add("replica-damaged", message)
        log.warning("cycle.not-applied", machine=hosted.machine_id, problem=message, again_in_seconds=pause)

    def _away(self, hosted: HostedReplica) -> str | None:
        """Why nothing can be kept in the replica's store now; None if it can."""
        store = self._host.stores.of(hosted)
        try:
            return store.seen().problem
        except OSError as problem:
            return f"{store.root} cannot be read: {problem.strerror}."

    def _free_by_trimming(self, hosted: HostedReplica) -> None:
        try:
            trimming.trim(self._host, hosted)
        except Exception as error:
            log.info("replica.not-trimmed", machine=hosted.machine_id, problem=str(error))

    # -- one cycle -------------------------------------------------------------------------------------

    def _stops(self) -> bool:
        return self._stopping

    def _apply_next(self, hosted: HostedReplica, over: Callable[[], bool] | None = None) -> bool:
        """Apply the oldest waiting cycle; False if there is none. Raises Cancelled once `over` says so."""
        for epoch, seq, path in hosted.waiting():
            if epoch != hosted.setup.epoch:
                # Sent before the direction turned: its data belongs to an abandoned history.
                path.unlink(missing_ok=True)
                continue
            self._apply(hosted, seq, path, over or self._stops)
            return True
        return False

    def _apply(self, hosted: HostedReplica, seq: int, path: Path, over: Callable[[], bool]) -> None:
        state = hosted.replica.state
        half_applied = state.applying_seq
        if half_applied is not None and half_applied != seq:
            hosted.replica.abandon()
        try:
            header, frames = cycle_file.read(path, hosted.replica.file_key)
            if header.base_seq is not None and header.base_seq <= state.processed_seq:
                # Built on an older cycle: it has all changes since then, so it fits.
                header = dataclasses.replace(header, base_seq=None)
            seams.reach("appliance.inbox.applying")
            applied = hosted.replica.apply(header, frames, over)
        except (datapath_errors.CycleDamaged, datapath_errors.CycleOutOfOrder) as error:
            self._discard(hosted, path, error)
            return
        except OF_VALUES as error:
            log.exception("cycle.not-applicable", machine=hosted.machine_id, file=path.name)
            self._discard(hosted, path, _not_applicable(seq, error))
            return
        seams.reach("appliance.inbox.applied")
        hosted.cycles.retire(path, hosted.setup.epoch, seq, hosted.setup.policy.journal_seconds)
        seams.reach("appliance.inbox.retired")
        trimming.trim_journal(self._host, hosted)
        hosted.findings.clear("replica-damaged", IN_USE)
        if applied.point_id is not None:
            hosted.refresh(only_new=True)
            hosted.wants_trim = True
        log.debug("cycle.applied", machine=hosted.machine_id, seq=seq, seconds=round(applied.seconds, 3))

    def _discard(self, hosted: HostedReplica, path: Path, error: datapath_errors.DatapathError) -> None:
        """Discard a cycle that cannot be applied, and all after it; the source then notices the gap and
        compares."""
        log.error("cycle.discarded", machine=hosted.machine_id, file=path.name, problem=error.message)
        hosted.findings.add("replica-damaged", f"{error.message} The machine is compared and repaired.")
        for _, _, each in reversed(hosted.waiting()):
            each.unlink(missing_ok=True)
        hosted.replica.abandon()


def _order(hosted: HostedReplica) -> float:
    return hosted.served_at + (LOOK_EVERY_SECONDS if hosted.only_looked_at else 0.0)


def _source_of(hosted: HostedReplica) -> str:
    return hosted.setup.source_appliance_id


def _not_applicable(seq: int, error: Exception) -> datapath_errors.CycleDamaged:
    return datapath_errors.CycleDamaged(
        f"Cycle {seq} says what no cycle says: {repr(error)[:200]}.", do="Look at the source's appliance."
    )
