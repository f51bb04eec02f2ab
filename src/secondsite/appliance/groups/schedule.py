"""The replication groups of this site, and when each takes its next common point.

The list that the vault sent last is durable here, so groups get their common points without the vault.
Each due group works in its own thread, so that a slow machine delays no other group."""

import threading
import time
from collections.abc import Mapping, Sequence

import structlog
from pydantic import TypeAdapter, ValidationError

from ...fabrics.interface import Fabric
from ...ground import threads
from ...ground.periodic import Periodic
from ...wire.control.setups import GroupShape
from ..shared import Peers, State
from ..source import Replication
from .common_point import FINDING, CommonPoints
from .outcome import Common
from .permitted_leaders import REST, PermittedLeaders

FACT = "site/groups"
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 10.0
"""Wait before the next try after a missed point, unless it is due sooner."""
UNASKED_SECONDS = 60.0
"""How long after a point was due a finding tells of a leader that has not asked for it."""

log = structlog.get_logger(__name__)
_shapes: TypeAdapter[tuple[GroupShape, ...]] = TypeAdapter(tuple[GroupShape, ...])


class _Clock:
    """When a group is due, on the monotonic clock; due at once after a start."""

    def __init__(self) -> None:
        self.due = 0.0
        self.known_since = time.monotonic()
        self.app_at: float | None = None
        self.busy = threading.Lock()


class Groups(Periodic):
    """`last` is the result of each group's newest common point."""

    def __init__(
        self, fabric: Fabric, state: State, replication: Replication, peers: Peers, appliance_id: str
    ) -> None:
        super().__init__("groups", lambda error: log.error("groups.failed", exc_info=error))
        self.last: dict[str, Common] = {}
        self.points = CommonPoints(fabric, replication, peers, appliance_id)
        self.asked = PermittedLeaders(self.points, lambda: self._groups, appliance_id)
        self._state = state
        self._replication = replication
        self._groups: Mapping[str, GroupShape] = {group.name: group for group in _recalled(state)}
        self._clocks: dict[str, _Clock] = {}
        self._working: list[threads.Worker] = []

    def stop(self, within_seconds: float = 2.0) -> None:
        """End within about `within_seconds`; paused machines are resumed in any case."""
        deadline = time.monotonic() + within_seconds
        super().stop(within_seconds)
        self.points.cut()
        for thread in self._working:
            if thread.is_alive():
                thread.join(max(0.1, deadline - time.monotonic()))

    def set(self, shapes: Sequence[GroupShape]) -> bool:
        """Replace the list of groups, durably; False if nothing changed."""
        groups = {shape.name: shape for shape in shapes}
        if groups == self._groups:
            return False
        self._state.put_fact(FACT, _shapes.dump_json(tuple(shapes)).decode())
        changed = [name for name in self._clocks if groups.get(name) != self._groups.get(name)]
        self._groups = groups
        for name in (
            changed
        ):  # a shorter interval, or another group of that name, does not wait for what was due before
            self._clocks[name].due = 0.0
        grouped = {each for group in groups.values() for each in group.members}
        for source in self._replication.sources():
            if source.machine_id not in grouped:
                source.findings.clear(FINDING)
        return True

    def look(self) -> None:
        """Begin the points that are due, each in a thread of its own."""
        self._working = [thread for thread in self._working if thread.is_alive()]
        for group in list(self._groups.values()):
            clock = self._clocks.setdefault(group.name, _Clock())
            if self.asked.follows(group):
                self._look_at_leader(group, clock)
            elif time.monotonic() >= clock.due and not clock.busy.locked():
                thread = threads.worker(f"group-{group.name}", self._take, group, clock)
                self._working.append(thread)
                thread.start()

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def _look_at_leader(self, group: GroupShape, clock: _Clock) -> None:
        """Add a finding if the group's leader asks for no points: without it nobody here would notice
        that."""
        since = max(clock.known_since, self.asked.at.get(group.name, 0.0))
        if time.monotonic() - since < group.multi_vm_every_seconds + UNASKED_SECONDS:
            return
        leader = group.parts[0].name
        for source in self.points.sources(group):
            source.findings.add(
                FINDING, f"Group {group.name}: {leader}, which leads its common points, asks for none."
            )

    def _take(self, group: GroupShape, clock: _Clock) -> None:
        if not clock.busy.acquire(blocking=False):
            return
        try:
            began = time.monotonic()
            clock.due = began + group.multi_vm_every_seconds
            common = self.points.take(group, self._app_is_due(group, clock))
            self.last[group.name] = common
            if common.app_consistent:
                clock.app_at = began
            now = time.monotonic()
            if common.set_id is None:
                clock.due = min(clock.due, now + AGAIN_SECONDS)
            # one of the other appliances may be what keeps the guests here frozen
            clock.due = max(clock.due, now + REST * common.frozen_seconds)
        except Exception:
            log.exception("common-point.failed", group=group.name)
        finally:
            clock.busy.release()

    def _app_is_due(self, group: GroupShape, clock: _Clock) -> bool:
        """Whether an app-consistent point is due: as often as the most frequent policy of the members."""
        if not group.app_consistent:
            return False
        sources = [self._replication.find(each) for each in group.members]
        wanted = [
            source.setup.policy.app_consistent_every_seconds for source in sources if source is not None
        ]
        every = min((each for each in wanted if each > 0), default=None)
        return every is not None and (clock.app_at is None or time.monotonic() - clock.app_at >= every)


def _recalled(state: State) -> tuple[GroupShape, ...]:
    text = state.fact(FACT)
    try:
        return _shapes.validate_json(text) if text else ()
    except ValidationError as problem:
        log.error("groups.unreadable", problem=str(problem))
        return ()
