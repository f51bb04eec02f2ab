"""The replication groups of this site, and when each takes its next common point.

The list is durable here, as the vault told it last: groups get their common points without the vault. Each group that
is due works in a thread of its own, so that one with a slow machine keeps no other waiting.
"""

import threading
import time
from collections.abc import Mapping, Sequence

import structlog
from pydantic import TypeAdapter, ValidationError

from ..fabrics.interface import Fabric
from ..wire.replication import GroupShape
from .common_point import Common, CommonPoints
from .replication import Replication
from .state import State

FACT = "site/groups"
LOOK_SECONDS = 0.5
AGAIN_SECONDS = 10.0
"""After one that was missed the next is tried so soon, unless it is due sooner anyway."""

log = structlog.get_logger(__name__)
_shapes: TypeAdapter[tuple[GroupShape, ...]] = TypeAdapter(tuple[GroupShape, ...])


class _Clock:
    """When a group is due, on the monotonic clock; at once after a start."""

    def __init__(self) -> None:
        self.due = 0.0
        self.app_at: float | None = None
        self.busy = threading.Lock()


class Groups:
    """`last` is how each group's newest common point went."""

    def __init__(self, fabric: Fabric, state: State, replication: Replication) -> None:
        self.last: dict[str, Common] = {}
        self.points = CommonPoints(fabric, replication)
        self._state = state
        self._replication = replication
        self._groups: Mapping[str, GroupShape] = {group.name: group for group in _recalled(state)}
        self._clocks: dict[str, _Clock] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="groups", daemon=True)
        self._working: list[threading.Thread] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self, within_seconds: float) -> None:
        """End within about so many seconds; machines go on in any case."""
        deadline = time.monotonic() + within_seconds
        self._stopping.set()
        for thread in (self._thread, *self._working):
            if thread.is_alive():
                thread.join(max(0.1, deadline - time.monotonic()))

    def set(self, shapes: Sequence[GroupShape]) -> bool:
        """These are the groups from now on, durably; False when they were already."""
        groups = {shape.name: shape for shape in shapes}
        if groups == self._groups:
            return False
        self._state.put_fact(FACT, _shapes.dump_json(tuple(shapes)).decode())
        self._groups = groups
        return True

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self._working = [thread for thread in self._working if thread.is_alive()]
            for group in list(self._groups.values()):
                clock = self._clocks.setdefault(group.name, _Clock())
                if time.monotonic() >= clock.due and not clock.busy.locked():
                    thread = threading.Thread(
                        target=self._take, args=(group, clock), name=f"group-{group.name}", daemon=True
                    )
                    self._working.append(thread)
                    thread.start()

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
            if common.set_id is None:
                clock.due = min(clock.due, time.monotonic() + AGAIN_SECONDS)
        except Exception:
            log.exception("group.failed", group=group.name)
        finally:
            clock.busy.release()

    def _app_is_due(self, group: GroupShape, clock: _Clock) -> bool:
        """As often as the members' policies ask for it at most."""
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
