"""Keeps the old copy of a machine that was failed over from starting behind its operator's back.

Once a failover is known (the vault paused the source for it, or asked for the last cycle; or the target
refuses cycles because of it), autostart is off, and where the platform has a veto, nobody starts the machine.
Whether it had autostart is remembered until it is home again: a cancelled failover, a target that takes
cycles again, or a failback. The decision is durable here, and is enforced at each start of the appliance. A
machine that runs is reported and never turned off: a mistaken target must not stop production."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import structlog

from ...domain import errors
from ...fabrics.interface import Fabric, PowerState
from ...ground import seams
from ...ground.problem import ours
from ...wire.common.base import Shape
from ..shared import State
from .machine import Source

PREFIX = "fence/"
FINDING = "source-running-after-failover"
UNWRITTEN = "cycle-failed"
REFUSALS = frozenset({"not-accepting", "wrong-epoch"})
"""Refusals by which the target says that the machine was failed over."""

TAKEN = REFUSALS | {"out-of-order", "wrong-disks", "disk-too-large", "firmware-missing", "target-disk-full"}
"""Refusals by which the target says which it is: each but the first two comes once it was seen that the
replica takes this machine's cycles."""

AGAIN_SECONDS = 6.0
"""How often a fence is enforced again: an owner who defines the machine anew, from an old file, removes the
veto and turns autostart on."""

log = structlog.get_logger(__name__)


class Fence(Shape):
    """The fence of one machine. `starts_with_host`: whether it had autostart before; None until that was
    read. `left_alone`: an undone reprotect defined the machine here again, and it is not among the
    sources."""

    fabric_id: str
    why: str
    starts_with_host: bool | None = None
    left_alone: bool = False
    started_anyway: str = ""
    """A sentence about the last start that a person ordered in spite of the fence."""


class Fences:
    """The fences of this site's machines."""

    def __init__(self, fabric: Fabric, state: State) -> None:
        self._fabric = fabric
        self._state = state
        self._enforced: dict[str, float] = {}
        self._lifted: set[str] = set()
        self._unwritten: dict[str, tuple[Fence, Exception]] = {}
        """Fences that could not be written, with the error: they hold in memory, and are written later."""
        self._told_unwritten: set[str] = set()
        self._lock = threading.RLock()

    def find(self, machine_id: str) -> Fence | None:
        if (held := self._unwritten.get(machine_id)) is not None:
            return held[0]
        found = self._state.fact(PREFIX + machine_id)
        return Fence.model_validate_json(found) if found else None

    def left_alone(self) -> dict[str, Fence]:
        """The fences, by machine id, of old copies that are not among the sources."""
        found = self._state.facts(PREFIX)
        fences = {key.removeprefix(PREFIX): Fence.model_validate_json(value) for key, value in found.items()}
        fences |= {machine_id: held[0] for machine_id, held in dict(self._unwritten).items()}
        return {machine_id: fence for machine_id, fence in fences.items() if fence.left_alone}

    def known(self, source: Source) -> None:
        """Read, after a start of the appliance, whether the source is fenced."""
        source.fenced = self.find(source.machine_id) is not None

    def raise_(self, source: Source, why: str) -> None:
        """From now on the machine must not start here; harmless when repeated. It is durable even if the
        fabric fails, whose errors are raised, and it is enforced even if it cannot be written: that error is
        raised then."""
        with self._lock:
            if self.find(source.machine_id) is None:
                self._hold(source.machine_id, Fence(fabric_id=source.setup.fabric_id, why=why))
                seams.reach("appliance.fence.decided")
                log.warning("source.fenced", machine=source.machine_id, why=why)
            source.fence()
        self.enforce(source)
        self._require_written(source.machine_id)

    def raise_unknown(self, machine_id: str, fabric_id: str, why: str) -> None:
        """The same for a machine that carries our tag and is not among the sources: the appliance's database
        is from an old backup."""
        with self._lock:
            if self.find(machine_id) is None:
                self._hold(machine_id, Fence(fabric_id=fabric_id, why=why, left_alone=True))
        self.enforce_for(machine_id)
        self._require_written(machine_id)

    def recall(self, machine_id: str, fabric_id: str, source: Source | None) -> None:
        """Recall the fence of a machine that carries our mark; harmless if its fence is known."""
        why = (
            "It was failed over; this appliance's database is from before that, but the mark is on its "
            "definition."
        )
        if self.find(machine_id) is not None:
            return
        if source is not None and source.setup.fabric_id == fabric_id:
            self.raise_(source, why)
        else:
            self.raise_unknown(machine_id, fabric_id, why)

    def enforce(self, source: Source) -> None:
        """Turn autostart off and the veto on, unless this was done a moment ago."""
        if source.fenced:
            self.enforce_for(source.machine_id)

    def enforce_for(self, machine_id: str) -> None:
        """The same for a machine that has a fence, which is written if it could not be written before."""
        self._write_again(machine_id)
        done = self._enforced.get(machine_id)
        if done is None or time.monotonic() - done > AGAIN_SECONDS:
            with self._lock:
                self._enforce(machine_id)

    def _enforce(self, machine_id: str) -> None:
        fence = self.find(machine_id)
        if fence is None or machine_id in self._lifted:
            return
        self._remember_autostart(machine_id, fence)
        self._fabric.power.forbid_start(fence.fabric_id, machine_id)
        self._enforced[machine_id] = time.monotonic()

    def _remember_autostart(self, machine_id: str, fence: Fence) -> None:
        """Record whether the machine has autostart, before that is changed."""
        if fence.starts_with_host is None:
            with_host = self._fabric.power.starts_with_host(fence.fabric_id)
            self._hold(machine_id, fence.model_copy(update={"starts_with_host": with_host}))
            seams.reach("appliance.fence.remembered")

    def lower(self, machine_id: str, fabric_id: str, source: Source | None) -> None:
        """Take the fence down, because the machine is at home: it starts with its host if it did before.
        `fabric_id` is its id there now."""
        with self._lock:
            fence = self.find(machine_id)
            if fence is not None:
                with_host = bool(fence.starts_with_host)
                self._allow(fabric_id, machine_id, with_host=with_host)
                seams.reach("appliance.fence.lowered")
                self._remove(machine_id)
                log.info("source.unfenced", machine=machine_id, starts_with_host=with_host)
            self._forget(machine_id, source)

    def again(self, machine_id: str, fabric_id: str) -> None:
        """Fence the old copy, which is defined here again while the machine runs at the other site."""
        with self._lock:
            why = "It runs at the other site; its way back was undone."
            fence = self.find(machine_id) or Fence(fabric_id=fabric_id, why=why, starts_with_host=False)
            self._put(machine_id, fence.model_copy(update={"left_alone": True}))
            self._enforced.pop(machine_id, None)
            self._enforce(machine_id)

    def stay(self, machine_id: str, fabric_id: str) -> None:
        """Fence what stays here of a machine that went on to a further site: nothing is defined of it now,
        and whatever is defined later must not start."""
        with self._lock:
            why = "It went on to a further site; its old disks stayed here."
            fence = self.find(machine_id) or Fence(fabric_id=fabric_id, why=why, starts_with_host=False)
            self._put(machine_id, fence.model_copy(update={"left_alone": True}))
            self._enforced.pop(machine_id, None)

    def leave_alone(self, machine_id: str) -> None:
        """Note that the machine is no longer among the sources, and is looked after all the same: if its
        removal ends half way, an old copy that runs is told, and none starts."""
        with self._lock:
            fence = self.find(machine_id)
            if fence is not None and not fence.left_alone:
                self._put(machine_id, fence.model_copy(update={"left_alone": True}))

    def withdrawn(self, machine_id: str) -> None:
        """Note that the machine is not defined here any more. It may come home, so what is recorded of it
        stays."""
        with self._lock:
            fence = self.find(machine_id)
            if fence is not None and fence.left_alone:
                self._put(machine_id, fence.model_copy(update={"left_alone": False}))

    @contextlib.contextmanager
    def lifted(self, machine_id: str) -> Iterator[None]:
        """Inside the context the machine may be started; it still does not start with its host. After an
        error the fence is put up again at once: the other copy may still be there."""
        fence = self.find(machine_id)
        if fence is None:
            yield
            return
        try:
            with self._allowed(machine_id, fence):
                yield
        except errors.SecondsiteError:
            with contextlib.suppress(errors.SecondsiteError):
                self._enforce_now(machine_id)
            raise

    def start_anyway(self, machine_id: str, by: str) -> None:
        """Start the old copy once, because a person orders it in spite of the fence, which stays. Raises
        NotPossibleNow where nothing is forbidden. The caller has locked the source, if there is one."""
        fence = self.find(machine_id)
        if fence is None:
            raise errors.NotPossibleNow(
                f"The start of machine {machine_id} is not forbidden at this site.",
                do="Start it like any other machine of the site.",
            )
        said = f"It was started anyway on {datetime.now(UTC):%Y-%m-%d at %H:%M:%S} UTC, by {by}."
        fence = fence.model_copy(update={"started_anyway": said})
        self._put(machine_id, fence)
        log.warning("source.started-anyway", machine=machine_id, by=by)
        try:
            with self._allowed(machine_id, fence):
                self._fabric.power.start(fence.fabric_id)
        finally:
            self._enforce_now(machine_id)

    @contextlib.contextmanager
    def _allowed(self, machine_id: str, fence: Fence) -> Iterator[None]:
        """Inside the context the veto is off, and it is not put on again however long the start takes: on a
        busy host the start lasts longer than the time between two enforcements."""
        with self._lock:
            self._lifted.add(machine_id)
        try:
            self._remember_autostart(machine_id, fence)
            self._allow(fence.fabric_id, machine_id, with_host=False)
            seams.reach("appliance.fence.lifted")
            yield
        finally:
            with self._lock:
                self._lifted.discard(machine_id)

    def _enforce_now(self, machine_id: str) -> None:
        self._enforced.pop(machine_id, None)
        self.enforce_for(machine_id)

    def _allow(self, fabric_id: str, machine_id: str, *, with_host: bool) -> None:
        """Take off what forbids the machine's start. One that was defined anew without our mark has nothing
        to take off."""
        if self._fabric.inventory.tag(fabric_id) is not None:
            self._fabric.power.allow_start(fabric_id, machine_id, with_host=with_host)

    def abandon(self, machine_id: str, *, copy_is_off: bool = False) -> str:
        """Remove the fence, because protection ends. Autostart stays off, unless the machine runs here; where
        the power button is the autostart, what forbids the start stays, also of one that is told to run,
        unless `copy_is_off`: its copy is known to be off, or given up. Returns a part of a sentence."""
        with self._lock:
            fence = self.find(machine_id)
            if fence is None:
                return ""
            if not copy_is_off and not self._fabric.properties.hosts:
                self.forget(machine_id)
                return "; it was failed over, so its fence stays closed here until it is protected anew"
            runs = self._fabric.power.state(fence.fabric_id) is PowerState.RUNNING
            with_host = runs and bool(fence.starts_with_host)
            with contextlib.suppress(errors.NotFound, errors.NotOurs):
                self._fabric.power.allow_start(fence.fabric_id, machine_id, with_host=with_host)
            self.forget(machine_id)
            return (
                ""
                if runs
                else (
                    "; it was failed over, so its autostart stays off; nothing forbids its start by hand any "
                    "more"
                )
            )

    def forget(self, machine_id: str) -> None:
        """Forget the fence: the machine is not here any more."""
        with self._lock:
            self._remove(machine_id)
            self._enforced.pop(machine_id, None)

    def tell(self, source: Source) -> None:
        """Add a finding for a fenced machine that runs, or may run on: it is a second copy."""
        if source.fenced and source.power is not None and source.power.is_on:
            fence = self.find(source.machine_id)
            why = f"{fence.why} {fence.started_anyway}" if fence else ""
            runs = "runs" if source.power is PowerState.RUNNING else f"is {source.power}"
            source.findings.add(FINDING, f"{source.setup.machine_name} {runs} here. {why}".strip())
        else:
            source.findings.clear(FINDING)
        self._tell_unwritten(source)

    def _tell_unwritten(self, source: Source) -> None:
        """Add a finding for a fence that an end of the appliance would forget."""
        if (held := self._unwritten.get(source.machine_id)) is not None:
            self._told_unwritten.add(source.machine_id)
            problem = ours(held[1])
            source.findings.add(
                UNWRITTEN,
                f"That {source.setup.machine_name} must not start here is held in memory only: "
                f"{problem.message} {problem.do}",
            )
        elif source.machine_id in self._told_unwritten:
            self._told_unwritten.discard(source.machine_id)
            source.findings.clear(UNWRITTEN)

    def _forget(self, machine_id: str, source: Source | None) -> None:
        self._enforced.pop(machine_id, None)
        if source is not None:
            source.fenced = False
            source.findings.clear(FINDING)

    def _put(self, machine_id: str, fence: Fence) -> None:
        self._state.put_fact(PREFIX + machine_id, fence.model_dump_json())
        self._unwritten.pop(machine_id, None)

    def _hold(self, machine_id: str, fence: Fence) -> None:
        """Write the fence; one that cannot be written holds in memory."""
        # In a full home a fence was not even enforced, and the old copy started beside the new one.
        known = machine_id in self._unwritten
        try:
            self._put(machine_id, fence)
        except (errors.SecondsiteError, sqlite3.Error) as problem:
            self._unwritten[machine_id] = fence, problem
            if not known:
                log.warning("fence.not-written", machine=machine_id, problem=str(problem))

    def _write_again(self, machine_id: str) -> None:
        if machine_id in self._unwritten:
            with self._lock:
                if (held := self._unwritten.get(machine_id)) is not None:
                    self._hold(machine_id, held[0])

    def _require_written(self, machine_id: str) -> None:
        if (held := self._unwritten.get(machine_id)) is not None:
            raise held[1]

    def _remove(self, machine_id: str) -> None:
        self._state.remove_fact(PREFIX + machine_id)
        self._unwritten.pop(machine_id, None)
