"""Machines that run here, carry our mark, and are not replicated from here: they may have come by live
migration. The vault decides what that means."""

import time
from collections.abc import Callable, Mapping

from ...domain import errors
from ...fabrics.interface import Fabric, PowerState
from ...wire.control.statuses import ArrivalStatus
from .machine import Source

LOOK_SECONDS = 2.0


class Arrivals:
    """The machines that came. One thread looks, others read what it saw."""

    def __init__(self, fabric: Fabric, made_here: Callable[[str, str], bool]) -> None:
        """`made_here`: whether a failover made the machine of these ids, ours and the fabric's, at this
        host."""
        self._fabric = fabric
        self._made_here = made_here
        self._tags: dict[str, str | None] = {}
        """The marks of the machines that run, by fabric id."""
        self._looked = 0.0
        self._now: tuple[ArrivalStatus, ...] = ()

    def statuses(self) -> tuple[ArrivalStatus, ...]:
        return self._now

    def look(self, sources: Mapping[str, Source]) -> None:
        """Look who runs, if that is due. `sources`: what is replicated from here, by machine id."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        running = self._fabric.inventory.running()
        self._tags = {key: self._tags[key] if key in self._tags else self._tag(key) for key in running}
        came = [
            (tag, key) for key, tag in self._tags.items() if tag is not None and _is_not(sources.get(tag))
        ]
        self._now = tuple(
            ArrivalStatus(machine_id=tag, fabric_id=key) for tag, key in came if self._has_come(tag, key)
        )

    def _has_come(self, tag: str, fabric_id: str) -> bool:
        """Whether it still carries the mark, and runs: until its migration ends it is paused here."""
        is_ours = self._tag(fabric_id) == tag and not self._made_here(tag, fabric_id)
        return is_ours and self._fabric.power.state(fabric_id) is PowerState.RUNNING

    def _tag(self, fabric_id: str) -> str | None:
        try:
            return self._fabric.inventory.tag(fabric_id)
        except errors.SecondsiteError:  # it has gone meanwhile
            return None


def _is_not(source: Source | None) -> bool:
    """Whether the machine is not replicated from here, as far as its target says."""
    return source is None or source.refused
