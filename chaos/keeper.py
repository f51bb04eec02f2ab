"""The init system of a rig: whatever process dies is started again, and how long it was away is kept."""

import functools
import time
from dataclasses import dataclass

from rig import Rig, processes
from rig.background import Background
from rig.processes import Process

LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Outage:
    """`began` counts monotonic seconds; `seconds` until the process said that it is ready again."""

    process: str
    began: float
    seconds: float


class Keeper(Background):
    """Watches a rig's vault and appliances while its block lasts, each in a thread of its own."""

    def __init__(self, rig: Rig) -> None:
        watched = (rig.vault, *rig.appliances.values())
        works = {f"keeper of {each.name}": functools.partial(self._keep, each) for each in watched}
        super().__init__(works, within_seconds=90)
        self._away: set[str] = set()
        self.outages: list[Outage] = []
        self.complaints: list[str] = []

    @property
    def all_up(self) -> bool:
        return not self._away

    def outages_since(self, began: float) -> list[Outage]:
        return [outage for outage in self.outages if outage.began >= began]

    def _keep(self, process: Process) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            if not process.is_alive:
                self._away.add(process.name)
                self._restart(process)
                self._away.discard(process.name)

    def _restart(self, process: Process) -> None:
        """One that is killed again while it starts is started again: that is what we are here for."""
        began = time.monotonic()
        while not self.ended.is_set():
            try:
                process.start(within_seconds=60)
            except processes.DidNotStart as problem:
                if time.monotonic() - began > 120:
                    self.complaints.append(str(problem))
                    return
            else:
                self.outages.append(Outage(process.name, began, time.monotonic() - began))
                return
