"""The loop over all sources of this site. It needs no vault.

A few workers serve whichever machine is latest in proportion to its pause, so that under overload all are
late by the same share. Machines of targets with the fewest busy workers come first; a spare worker serves
targets that no other worker is busy with. A failing machine backs off alone, with a finding, and never delays
the others; nor does a slow target delay the machines of other targets."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from ...datapath.errors import PeerSilent, PeerUnreachable
from ...domain import errors
from ...fabrics.interface import CONCERNS, Fabric
from ...ground import problem, threads
from ...wire.control.orders import CycleFact
from ...wire.control.setups import SourceSetup
from .. import shared
from ..shared import ApplianceConfig, FairTurns, Peers, State, vault_records
from . import digest_cache, disks_and_firmware, rolling_scan
from . import progress as progresses
from .arrivals import Arrivals
from .cycle import Cycles, Told
from .cycle_guard import CycleInterrupted, Guard, Overtaken
from .cycle_plan import CycleRequest
from .fence import FINDING, REFUSALS, TAKEN, Fences
from .idle import Rounds
from .machine import Source
from .old_copies import OldCopies
from .progress import SourceProgress
from .rolling_scan import RollingScans
from .scratch_reserve import ScratchReserve
from .view_trial import ViewTrials
from .watch import Watch

LONGEST_IDLE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Replication:
    """All machines that are replicated from here."""

    def __init__(self, config: ApplianceConfig, fabric: Fabric, state: State, peers: Peers) -> None:
        self._config = config
        self._fabric = fabric
        self._state = state
        self._guard = Guard(ScratchReserve(config.scratch, config.scratch_budget_bytes))
        self.cycles = Cycles(config, fabric, peers, self._guard)
        self.view_trials = ViewTrials(config, fabric, self._guard)
        self.fences = Fences(fabric, state)
        self.old_copies = OldCopies(fabric, self.fences, state)
        self.arrivals = Arrivals(fabric, self.old_copies.came_home)
        self._watch = Watch(fabric, self.fences, self.sources, self.old_copies, self.arrivals, state)
        self._turns = FairTurns(config.cycles_at_once)
        self._rolling_scans = RollingScans(config, fabric, state, peers, self._is_any_late)
        self._rolls = threading.Lock()
        self._rounds = Rounds(fabric, peers, self._turns, self._well, self._failed)
        self._changed = threading.Condition()
        self._watched = False
        """Whether a worker waits for the next due machine; the others wait until one is needed."""
        self._owes_cycle = False
        """Whether no worker has looked for a due cycle since the last round."""
        self._stopping = False
        self._ended = threading.Event()
        self._slots_for_passes = threading.Semaphore(max(1, config.cycles_at_once - 1))
        self._sources: dict[str, Source] = {}
        self._unread: dict[str, Exception] = {}
        """The errors of records that cannot be read, by machine id."""
        for machine_id, said in state.sources().items():
            try:
                self._sources[machine_id] = self._read(*said)
            except Exception as error:
                # One damaged record kept all machines of the site from being replicated.
                self._pass_over(machine_id, error)
        self._workers = [
            threads.worker(f"cycles-{number}", self._work) for number in range(config.cycles_at_once)
        ]
        self._workers.append(threads.worker("cycles-spare", self._work_spare))

    def _read(self, setup_json: str, progress_json: str) -> Source:
        setup = SourceSetup.model_validate_json(setup_json)
        source = Source(setup, SourceProgress.model_validate_json(progress_json), self._state)
        self.fences.known(source)
        self._rolling_scans.recall(source)
        return source

    def _pass_over(self, machine_id: str, error: Exception) -> None:
        """Go on without a machine whose record cannot be read; if it was failed over, it still does not start
        here."""
        log.error("source.not-read", machine=machine_id, problem=str(error))
        self._unread[machine_id] = error
        with contextlib.suppress(Exception):
            self.fences.leave_alone(machine_id)

    def start(self) -> None:
        self._guard.start()
        self._watch.start()
        for worker in self._workers:
            worker.start()

    def interrupt(self) -> None:
        """Give up running cycles for good, before a stop."""
        self._stopping = True
        self._ended.set()
        for source in self.sources():
            source.interrupt.set()
        self.poke()

    def stop(self, within_seconds: float) -> None:
        """Give up running cycles; they are sent again after the next start."""
        deadline = time.monotonic() + within_seconds
        self.interrupt()
        self._watch.stop(max(0.1, deadline - time.monotonic()))
        for worker in self._workers:
            if worker.is_alive():
                worker.join(max(0.1, deadline - time.monotonic()))
        self._guard.stop()

    def poke(self) -> None:
        """Look for due machines now."""
        with self._changed:
            self._changed.notify_all()

    # -- the machines ----------------------------------------------------------------------------------

    def sources(self) -> list[Source]:
        with self._changed:
            return list(self._sources.values())

    def find(self, machine_id: str) -> Source | None:
        with self._changed:
            return self._sources.get(machine_id)

    def get(self, machine_id: str) -> Source:
        """The source; raises NotFound."""
        source = self.find(machine_id)
        if source is None and (error := self._unread.get(machine_id)) is not None:
            raise errors.NotFound(
                f"The record of machine {machine_id} in {self._config.state_file} cannot be read "
                f"({str(error).partition(chr(10))[0]}), so it is not replicated from here.",
                do="Have it written anew: 'secondsite machine resynchronize MACHINE'.",
            )
        if source is None:
            raise errors.NotFound(
                f"Machine {machine_id} is not replicated from here.",
                do="Enable its protection, or reprotect it.",
            )
        return source

    def add(self, setup: SourceSetup) -> bool:
        """Replicate this machine from now on; False if nothing changed. If the source exists, the caller has
        locked it."""
        source = self.find(setup.machine_id)
        if source is not None:
            changed = source.renew(setup)
        else:
            changed = True
            source = Source(setup, progresses.fresh(setup), self._state)
            source.save(source.progress)
            with self._changed:
                self._sources[setup.machine_id] = source
            self._unread.pop(setup.machine_id, None)
        source.hurry()
        self.poke()
        return changed

    def take_over(self, setup: SourceSetup, before: SourceProgress | None) -> None:
        """Replicate this machine from now on, and go on after that progress of another appliance; without one
        all blocks are compared. A source that is here is replaced; the caller has locked it."""
        known = self.find(setup.machine_id)
        if known is not None:
            self.remove(known)
        compared = progresses.restarted(progresses.fresh(setup), setup.disks)
        source = Source(setup, before or compared, self._state)
        source.save(source.progress)
        with self._changed:
            self._sources[setup.machine_id] = source
        self._unread.pop(setup.machine_id, None)
        self.poke()

    def remove(self, source: Source) -> None:
        """Forget a source; the caller has locked it."""
        self._state.remove_source(source.machine_id)
        self._rolling_scans.forget(source)
        digest_cache.forget(self._config.home, source.machine_id)
        vault_records.source(self._config.store, source.machine_id).unlink(missing_ok=True)
        source.removed = True
        with self._changed:
            self._sources.pop(source.machine_id, None)

    def forget_unread(self, machine_id: str) -> None:
        """Forget a machine whose record cannot be read, because its protection ends."""
        if self._unread.pop(machine_id, None) is not None:
            self._state.remove_source(machine_id)

    # -- cycles ----------------------------------------------------------------------------------------

    def cycle(self, source: Source, request: CycleRequest, told: Told) -> CycleFact:
        """Run one cycle for an order; the caller has locked the source. An error also becomes a finding."""
        try:
            fact = self.cycles.run(source, request, told)
        except Exception as error:
            self._note(source, error)
            raise
        assert fact is not None
        self._well(source)
        return fact

    def _work(self) -> None:
        self._work_with(self._serve_one, self._rest)

    def _work_spare(self) -> None:
        """The work of the spare worker. It does not wait for the next due machine: it would wake no other
        worker in its place."""
        self._work_with(self._serve_neglected, lambda: self._ended.wait(LONGEST_IDLE_SECONDS))

    def _work_with(self, serve: Callable[[], bool], rest: Callable[[], object]) -> None:
        while not self._stopping:
            try:
                if not serve():
                    rest()
            except Exception:
                log.exception("replication.worker-failed")
                rest()

    def _serve_neglected(self) -> bool:
        """Serve a machine whose target no worker is busy with, while all workers are busy; False if there is
        none."""
        if not self._turns.all_are_busy():
            return False
        sources = self.sources()
        return self._make_round(sources, spare=True) or self._serve_latest(sources, spare=True)

    def _serve_one(self) -> bool:
        """Make a round, or serve a machine; False if none is due. After a round a cycle comes first:
        otherwise, if the next round is always due by then and the other workers are busy, no machine would
        have a cycle."""
        sources = self.sources()
        if self._owes_cycle:
            return self._serve_latest(sources) or self._make_round(sources)
        return self._make_round(sources) or self._serve_latest(sources) or self._roll(sources)

    def _roll(self, sources: list[Source]) -> bool:
        """Let the rolling scan of a machine go on; False if none is due. One worker does that at a time."""
        with contextlib.ExitStack() as stack:
            if not self._rolls.acquire(blocking=False):
                return False
            stack.callback(self._rolls.release)
            for source in filter(self._rolling_scans.due_bytes, sources):
                locked = stack.enter_context(source.try_lock("comparing what no mark covers"))
                # A cycle may have come between.
                if locked and (due_bytes := self._rolling_scans.due_bytes(source)):
                    self._leave_watch()
                    self._rolling_scans.serve(source, due_bytes)
                    return True
        return False

    def _is_any_late(self) -> bool:
        return self._stopping or any(source.late is not None for source in self.sources())

    def _make_round(self, sources: list[Source], spare: bool = False) -> bool:
        made = self._rounds.serve(sources, self._leave_watch, spare)
        if not spare:
            self._owes_cycle = made
        return made

    def _serve_latest(self, sources: list[Source], spare: bool = False) -> bool:
        """Serve the machine whose own cycle is latest, for its pause, of those whose turn it is; False if
        none is due."""
        if not spare:
            self._owes_cycle = False
        due = [(late, source) for source in sources if (late := source.late) is not None]
        latest = [source for _late, source in sorted(due, key=lambda each: each[0], reverse=True)]
        for source in self._turns.order(latest, _target_of, spare):
            with source.try_lock("a replication cycle") as locked, self._slot_for(source, spare) as slot:
                # Another worker may have served it since the list was made.
                if locked and slot and source.late is not None:
                    self._leave_watch()
                    with self._turns.taken(_target_of(source)):
                        self._serve(source)
                    return True
        return False

    @contextmanager
    def _slot_for(self, source: Source, spare: bool) -> Iterator[bool]:
        """Reserve a slot: passes over whole disks take long, so one worker stays free for other machines."""
        if spare or not source.progress.passes:
            yield True
            return
        slot = self._slots_for_passes.acquire(blocking=False)
        try:
            yield slot
        finally:
            if slot:
                self._slots_for_passes.release()

    def _rest(self) -> None:
        """Wait for work: one of the workers wakes for the next due machine. If that takes long, another one
        takes its place, when called or after a while."""
        with self._changed:
            if self._stopping:
                return
            if self._watched:
                self._changed.wait(LONGEST_IDLE_SECONDS)
                return
            waits = [each.due - time.monotonic() for each in self._sources.values() if each.due is not None]
            self._watched = True
            try:
                self._changed.wait(min([LONGEST_IDLE_SECONDS, *(max(0.05, wait) for wait in waits)]))
            finally:
                self._watched = False

    def _leave_watch(self) -> None:
        """Let another worker wait for the next due machine, because this one begins what may take long."""
        with self._changed:
            if not self._watched:
                self._changed.notify()

    def _serve(self, source: Source) -> None:
        self.attempt(source, lambda: self.cycles.run(source, self._request(source)))

    def attempt(self, source: Source, cycle: Callable[[], CycleFact | None]) -> CycleFact | None:
        """Run a cycle of the loop; the caller has locked the source. After an error, which becomes a finding
        and a pause, it returns None."""
        source.started = time.monotonic()
        try:
            fact = cycle()
        except CycleInterrupted as given_up:
            if isinstance(given_up, Overtaken):
                source.failed()
            log.info("cycle.interrupted", machine=source.machine_id)
        except Exception as error:
            pause = self._failed(source, error)
            log.warning("cycle.failed", machine=source.machine_id, problem=str(error), again_in_seconds=pause)
        else:
            self._well(source)
            self._at_home(source)
            if fact is not None:
                log.debug("cycle.sent", machine=source.machine_id, seq=fact.seq, wire_bytes=fact.wire_bytes)
            return fact
        return None

    def _request(self, source: Source) -> CycleRequest:
        now = datetime.now(UTC)
        app = source.app_point_due(now)
        point = app or source.point_due(now) or source.progress.missed is not None
        return CycleRequest(point=point, app_consistent=app, idle_ok=True)

    def _failed(self, source: Source, error: Exception) -> float:
        pause = source.failed(unreachable=isinstance(error, PeerUnreachable | PeerSilent))
        self._note(source, error)
        return pause

    def _well(self, source: Source) -> None:
        source.succeeded()
        kept = [
            FINDING, shared.WENT_OFF_LATE, shared.CHAIN_LONG, shared.AGENT_NOT_REGISTERED,
            "app-consistency-degraded", "common-point-missed", *disks_and_firmware.FINDINGS, *CONCERNS,
        ]  # fmt: skip
        if source.progress.resynchronizing:
            kept.append("resynchronizing")
        if source.progress.missed:
            kept.append(rolling_scan.FINDING)
        source.findings.clear_all_but(*kept)

    def _at_home(self, source: Source) -> None:
        """Take the fence down, because the target takes the loop's cycles again: the failover was cancelled.
        Cycles of an order prove nothing: a failover's last delta may need several."""
        if source.fenced and not source.progress.paused:
            with contextlib.suppress(errors.SecondsiteError):
                self.fences.lower(source.machine_id, source.setup.fabric_id, source)

    def _note(self, source: Source, error: Exception) -> None:
        """Make the error a finding; after too much scratch space the next slice is smaller."""
        if isinstance(error, CycleInterrupted):
            return
        if isinstance(error, errors.ScratchExhausted | errors.DeadlineExceeded):
            source.slimmer()
        said = problem.ours(error)
        code = shared.code_for(said.code)
        if isinstance(error, errors.StoreFull):
            # Raised here: the target's own would be a refusal. It was told as a full store of the target.
            code = "cycle-failed"
        if said.code == "out-of-order":
            # The target lost what it had acknowledged (a damaged file): start over without a base.
            lost = progresses.restarted(source.progress, source.setup.disks)
            source.save(lost.model_copy(update={"base": None, "last_seq": None}))
        elif said.code == "firmware-missing":
            source.change(firmware={})
        elif said.code == "wrong-source":
            source.refused = True
        elif said.code in REFUSALS:
            self._fence(source, said.message)
        source.findings.add(code, _told(said, code, with_do=said is error))

    def ask_target(self, fabric_id: str) -> bool:
        """Ask the target of that machine whether it was failed over, and fence it then: whoever was off as it
        happened was not told. False if the target does not say: a refusal may be of one that was failed over
        and has ended its protection since. False also while its platform cannot be told to forbid the
        start."""
        source = next((each for each in self.sources() if each.setup.fabric_id == fabric_id), None)
        if source is None:
            return True
        if not source.fenced and not self._is_known_at_target(source):
            return False
        return not source.fenced or self._is_forbidden(source)

    def _is_known_at_target(self, source: Source) -> bool:
        try:
            with self.cycles.connect(source) as connection:
                self.cycles.offer(source, connection, source.setup.disks)
        except (PeerUnreachable, PeerSilent):
            return False
        except errors.SecondsiteError as error:
            if error.code in REFUSALS:
                self._fence(source, error.message)
            return error.code in TAKEN
        return True

    def _is_forbidden(self, source: Source) -> bool:
        try:
            self.fences.enforce(source)
        except errors.SecondsiteError:
            return False
        return True

    def _fence(self, source: Source, why: str) -> None:
        """Fence the machine, because the target says that it was failed over. If the fabric fails, the watch
        does it later."""
        try:
            self.fences.raise_(source, why)
        except errors.SecondsiteError as error:
            log.warning("source.not-fenced", machine=source.machine_id, problem=error.message)


def _told(said: errors.SecondsiteError, code: str, *, with_do: bool) -> str:
    """The error as sentences: messages of the data path begin with a small letter and have no full stop. What
    to do is left out if the finding itself says it, and where an error only has what to do for jobs."""
    has_its_own = (
        with_do and code not in shared.SAY_WHAT_TO_DO and said.do != errors.SecondsiteError.default_do
    )
    do = said.do if has_its_own else ""
    return " ".join(map(_stopped, filter(None, (said.message, f"{do[:1].upper()}{do[1:]}"))))


def _stopped(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _target_of(source: Source) -> str:
    return source.setup.target_appliance_id
