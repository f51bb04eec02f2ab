"""The init system of a rig: whatever process dies is started again, and how long it was away is kept."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rig import Rig, processes
from rig.processes import Process

LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Outage:
    """`began` counts monotonic seconds; `seconds` until the process said that it is ready again."""

    process: str
    began: float
    seconds: float


class Keeper:
    """Watches a rig's vault and appliances while its block lasts, each in a thread of its own."""

    def __init__(self, rig: Rig) -> None:
        self._watched = (rig.vault, *rig.appliances.values())
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._keep, args=(process,), name=f"keeper of {process.name}", daemon=True
            )
            for process in self._watched
        ]
        self._away: set[str] = set()
        self.outages: list[Outage] = []
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(90)

    @property
    def all_up(self) -> bool:
        return not self._away

    def outages_since(self, began: float) -> list[Outage]:
        return [outage for outage in self.outages if outage.began >= began]

    def _keep(self, process: Process) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if not process.is_alive:
                self._away.add(process.name)
                self._restart(process)
                self._away.discard(process.name)

    def _restart(self, process: Process) -> None:
        """One that is killed again while it starts is started again: that is what we are here for."""
        began = time.monotonic()
        while not self._ended.is_set():
            try:
                process.start(within_seconds=60)
            except processes.DidNotStart as problem:
                if time.monotonic() - began > 120:
                    self.complaints.append(str(problem))
                    return
            else:
                self.outages.append(Outage(process.name, began, time.monotonic() - began))
                return
