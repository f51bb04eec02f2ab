"""Looks after machines between their cycles, whatever the target does: ends what a dead process left open,
knows the power of each machine, and keeps one that was failed over from starting, also where no source
stands for it."""

import contextlib
import time
from collections.abc import Callable, Sequence

import structlog

from ...domain import errors
from ...fabrics.interface import CONCERNS, Fabric
from ...ground.periodic import Periodic
from ..shared import State, handed_over
from . import leftover_views, machine_tag
from .arrivals import Arrivals
from .fence import Fences
from .machine import Source
from .old_copies import OldCopies

LOOK_SECONDS = 2.0
AGAIN_SECONDS = 20.0
"""Wait in seconds before a machine that could not be tidied is tried again."""
TOLD_WHEN_FENCED = frozenset({"machine-doubled", "machine-fenced", "machine-silent"})
CONCERNS_SECONDS = 20.0
"""How often the platform is asked what it finds about a machine."""
MARK_SECONDS = 20.0
"""Between two looks for our tag on a machine, which is put back where another program lost it."""
POWER_SECONDS = 25.0
"""How often a machine's power is looked at: often enough to see a second copy within half a minute. Cycles
look too."""
RESTING_POWER_SECONDS = 6.0
"""The same for a machine that was failed over, or has no cycles."""
NOTES_SECONDS = 3600.0
"""Between two looks for notes that are of no use any more."""

log = structlog.get_logger(__name__)


class Watch(Periodic):
    """The thread that looks after machines. Its first look is at once: no view outlives the start of its
    appliance by much."""

    def __init__(
        self, fabric: Fabric, fences: Fences, sources: Callable[[], Sequence[Source]], old_copies: OldCopies,
        arrivals: Arrivals, state: State,
    ) -> None:  # fmt: skip
        super().__init__("source-watch", lambda error: log.error("watch.failed", exc_info=error))
        self._fabric = fabric
        self._fences = fences
        self._sources = sources
        self._old_copies = old_copies
        self._arrivals = arrivals
        self._state = state
        self._forgot = -NOTES_SECONDS
        self._not_before: dict[str, float] = {}
        self._marked: dict[str, float] = {}
        self._concerned: dict[str, float] = {}
        self._recalled = False

    def start(self) -> None:
        self._recall()  # before any order comes
        super().start()
        self.wake()

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        self._recall()
        for source in self._sources():
            if self.stopping.is_set():
                return
            if not source.tidy and time.monotonic() >= self._not_before.get(source.machine_id, 0.0):
                self._tidy(source)
            try:
                self._look_at(source)
            except errors.SecondsiteError as error:
                log.debug("source.not-seen", machine=source.machine_id, problem=error.message)
        self._old_copies.look({source.machine_id for source in self._sources()})
        self._look_who_came()
        self._forget_notes()

    def _look_who_came(self) -> None:
        try:
            self._arrivals.look({source.machine_id: source for source in self._sources()})
        except errors.SecondsiteError as error:
            log.debug("arrivals.not-seen", problem=error.message)

    def _forget_notes(self) -> None:
        now = time.monotonic()
        if now - self._forgot > NOTES_SECONDS:
            self._forgot = now
            handed_over.forget_old(self._state)

    def _recall(self) -> None:
        """Once, as soon as the fabric answers, recall the fence of each machine that carries our mark: it was
        fenced here, even if this appliance's database is from an old backup and does not know it. It is
        looked at even if somebody took the veto off."""
        if self._recalled:
            return
        sources = {source.machine_id: source for source in self._sources()}
        try:
            for found in self._fabric.inventory.list():
                if found.tag is None:
                    continue
                if found.start_forbidden:
                    self._fences.recall(found.tag, found.fabric_id, sources.get(found.tag))
                elif found.tag not in sources:
                    self._old_copies.notice(found.tag, found.fabric_id)
            self._recalled = True
        except errors.SecondsiteError as error:
            log.debug("fences.not-recalled", problem=error.message)

    def _tidy(self, source: Source) -> None:
        # Whoever has the lock does it itself.
        with source.try_lock("removing what a cycle left behind") as locked:
            if locked and not leftover_views.sweep(self._fabric, source):
                self._not_before[source.machine_id] = time.monotonic() + AGAIN_SECONDS

    def _look_at(self, source: Source) -> None:
        self._ask_for_concerns(source)
        resting = source.fenced or source.progress.paused
        every = RESTING_POWER_SECONDS if resting else POWER_SECONDS
        if source.power is None or time.monotonic() - source.power_seen > every:
            self._look_at_power(source)
        self._look_for_our_mark(source)
        self._fences.tell(source)
        self._fences.enforce(source)

    def _look_at_power(self, source: Source) -> None:
        try:
            source.saw(self._fabric.power.state(source.setup.fabric_id))
        except errors.SecondsiteError:
            source.lost_sight()
            self._fences.tell(source)
            raise

    def _ask_for_concerns(self, source: Source) -> None:
        now = time.monotonic()
        if now < self._concerned.get(source.machine_id, 0.0):
            return
        self._concerned[source.machine_id] = now + CONCERNS_SECONDS
        told = {each.code: each.what for each in self._fabric.inventory.concerns(source.setup.fabric_id)}
        if source.fenced:  # the rest is of a machine that works here
            told = {code: what for code, what in told.items() if code in TOLD_WHEN_FENCED}
        for code in CONCERNS:
            if code in told:
                source.findings.add(code, told[code])
            else:
                source.findings.clear(code)
        if not source.fenced:
            source.saw_inside(self._fabric.inventory.inside(source.setup.fabric_id))

    def _look_for_our_mark(self, source: Source) -> None:
        now = time.monotonic()
        if now < self._marked.get(source.machine_id, 0.0):
            return
        # An order that ends its replication takes the tag off.
        with source.try_lock("looking for our tag") as locked:
            if locked:
                self._marked[source.machine_id] = now + MARK_SECONDS
                with contextlib.suppress(errors.NotFound, errors.NotOurs):
                    machine_tag.look(self._fabric, source)
