"""The init system of a rig: whatever process dies is started again, and how long it was away is kept."""

import contextlib
import functools
import time
from collections.abc import Iterator
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
        self._left_down: set[str] = set()
        self.outages: list[Outage] = []
        self.complaints: list[str] = []

    @property
    def all_up(self) -> bool:
        return not self._away

    @contextlib.contextmanager
    def left_down(self, process: Process) -> Iterator[None]:
        """Nobody starts the process in the block; it is killed before."""
        self.give_up(process)
        try:
            yield
        finally:
            self._left_down.discard(process.name)

    def give_up(self, process: Process) -> None:
        """Kill it; it is never started again, and a start that is under way is waited for, and killed."""
        self._left_down.add(process.name)
        process.kill()
        while process.name in self._away:
            time.sleep(LOOK_SECONDS)
        process.kill()

    def outages_since(self, began: float) -> list[Outage]:
        return [outage for outage in self.outages if outage.began >= began]

    def _keep(self, process: Process) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            if not process.is_alive and process.name not in self._left_down:
                self._away.add(process.name)
                self._restart(process)
                self._away.discard(process.name)

    def _restart(self, process: Process) -> None:
        """One that is killed again while it starts is started again: that is what we are here for."""
        began = time.monotonic()
        while not self.ended.is_set() and process.name not in self._left_down:
            try:
                process.start(within_seconds=60)
            except processes.DidNotStart as problem:
                if time.monotonic() - began > 120:
                    self.complaints.append(str(problem))
                    return
            else:
                self.outages.append(Outage(process.name, began, time.monotonic() - began))
                return
