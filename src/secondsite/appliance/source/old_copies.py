"""Watches old copies that are here and not among the sources: undone reprotects left them, or this
appliance's database is from an older backup, or a live migration to another host of the site left them."""

import json
import time
from collections.abc import Collection
from datetime import datetime

import structlog

from ...domain import errors
from ...fabrics.interface import Fabric, PowerState
from ...wire.control.statuses import OldCopyStatus
from ..shared import State, moved_key, run_key
from . import powered_since
from .fence import Fences

FAILOVER = "failover"
"""The name of a failover's run; drills have others."""
LOOK_SECONDS = 6.0
"""How often an old copy is looked at: often enough to see a second copy within half a minute."""

log = structlog.get_logger(__name__)


class OldCopies:
    """The old copies. One thread looks at them, others read what it saw."""

    def __init__(self, fabric: Fabric, fences: Fences, state: State) -> None:
        self._fabric = fabric
        self._fences = fences
        self._state = state
        self._seen: dict[str, tuple[float, OldCopyStatus]] = {}
        self._unknown: dict[str, str] = {}

    def notice(self, machine_id: str, fabric_id: str) -> None:
        """Note a machine that carries our mark while no record here explains it or forbids its start. Its
        power is reported: the vault, which knows where the machine runs, decides what that means."""
        self._unknown[machine_id] = fabric_id

    def statuses(self) -> tuple[OldCopyStatus, ...]:
        """Their statuses as they were last seen."""
        return tuple(status for _, status in self._seen.values())

    def look(self, sources: Collection[str] = ()) -> None:
        """Look at those that are due for a look, and keep them from starting if they are fenced. `sources`
        are the ids of the machines among the sources."""
        unknown = {key: found for key, found in dict(self._unknown).items() if key not in sources}
        fenced = {machine_id: fence.fabric_id for machine_id, fence in self._fences.left_alone().items()}
        there = {**unknown, **fenced}
        self._seen = {machine_id: seen for machine_id, seen in self._seen.items() if machine_id in there}
        for machine_id, fabric_id in there.items():
            if self._is_due(machine_id):
                self._look_at(
                    machine_id,
                    fabric_id,
                    came_home=machine_id not in fenced and self.came_home(machine_id, fabric_id),
                )

    def _is_due(self, machine_id: str) -> bool:
        seen = self._seen.get(machine_id)
        return seen is None or time.monotonic() - seen[0] > LOOK_SECONDS

    def _look_at(self, machine_id: str, fabric_id: str, *, came_home: bool) -> None:
        try:
            power = self._fabric.power.state(fabric_id)
            status = OldCopyStatus(
                machine_id=machine_id,
                power=str(power),
                on_since=self._on_since(machine_id, power),
                fabric_id=fabric_id,
                fenced=self._fences.find(machine_id) is not None,
            )
            self._seen = {**self._seen, machine_id: (time.monotonic(), status)}
            if not came_home:
                self._fences.enforce_for(machine_id)
        except errors.SecondsiteError as error:
            log.debug("source.not-seen", machine=machine_id, problem=error.message)

    def _on_since(self, machine_id: str, power: PowerState) -> datetime | None:
        seen = self._seen.get(machine_id)
        if seen is None:
            return None
        return powered_since.since(PowerState(seen[1].power), seen[1].on_since, power)

    def came_home(self, machine_id: str, fabric_id: str) -> bool:
        """Whether it is the machine that a failover made here, on a replica that is still this appliance's.
        Its fence is kept until the commit, for what that records: an appliance that was killed before it had
        started the machine had put the fence up again, and refused the start."""
        if self._state.fact(moved_key(machine_id)) is not None:
            return False
        made = self._state.fact(run_key(machine_id, FAILOVER))
        return made is not None and json.loads(made)["fabric_id"] == fabric_id
