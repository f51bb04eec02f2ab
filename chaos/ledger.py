"""The guest of a simulated machine: writes numbered records wherever its machine runs, and keeps its own
books.

Like a real one it knows after a start only what its disk holds: it reads the records, which have to be
without a hole, and goes on with the next number. The books say what was acknowledged and when, so that every
loss is seen.
"""

import bisect
import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rig.background import Background
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import MachineSummary, PowerState

PAUSE_SECONDS = 0.04
LOOK_SECONDS = 0.05
KEY = "vda"


@dataclass(frozen=True, slots=True)
class Boot:
    """A start of the guest: where, the last record on its disk, when each record was acknowledged until
    then, and when it was (seconds since the epoch)."""

    site: str
    fabric_id: str
    last: int
    books: tuple[float, ...]
    at: float

    def acknowledged_before(self, at: float) -> int:
        """How many records had been acknowledged by that instant (seconds since the epoch)."""
        return bisect.bisect_left(self.books, at)


class Ledger(Background):
    """Invariant: `_acknowledged[n]` is when record n became durable on the lineage that runs now."""

    def __init__(self, name: str, roots: dict[str, Path]) -> None:
        super().__init__({f"guest of {name}": self._live})
        self.name = name
        self.boots: list[Boot] = []
        self.complaints: list[str] = []
        self.pardon: str | None = None
        """Whose deed it is if two copies run now; None: ours."""
        self.runs_at: str | None = None
        """Of two copies the one at this site is written to."""
        self._fabrics = {site: simulated.open_fabric(root) for site, root in roots.items()}
        self._roots = roots
        self._acknowledged: list[float] = []
        self._guard = threading.Lock()

    @property
    def last(self) -> int:
        return len(self._acknowledged)

    def acknowledged_before(self, at: float) -> int:
        """How many records were durable at that instant (seconds since the epoch)."""
        with self._guard:
            return bisect.bisect_left(self._acknowledged, at)

    def held_at(self, at: float) -> int:
        """How many records the machine held for sure at that instant, whichever lineage ran then."""
        with self._guard:
            later = [boot for boot in self.boots if boot.at > at]
            if not later:
                return bisect.bisect_left(self._acknowledged, at)
        held = later[0].acknowledged_before(at)
        # between the end of one copy and the start of the next, nobody knows whose instant it is
        stopped = not later[0].books or later[0].books[-1] < at
        return min(held, later[0].last) if stopped else held

    def reverted(self, site: str, fabric_id: str, last: int) -> None:
        """The owner put an older copy in the place of the disks of a machine that is off: it holds so many
        records."""
        with self._guard:
            self.boots.append(Boot(site, fabric_id, last, tuple(self._acknowledged), time.time()))
            del self._acknowledged[last:]

    def running(self) -> list[tuple[str, str]]:
        """(site, fabric id) of every copy that runs now under the machine's name."""
        return [
            (site, found.fabric_id) for site, found in self.machines() if found.power is PowerState.RUNNING
        ]

    def machines(self, name: str | None = None) -> list[tuple[str, MachineSummary]]:
        return [
            (site, found)
            for site, fabric in self._fabrics.items()
            for found in fabric.inventory.list()
            if found.name == (name or self.name)
        ]

    def networks(self, site: str) -> list[str]:
        return [network.name for network in self._fabrics[site].networks.list()]

    def records_of(self, site: str, fabric_id: str) -> int:
        """The last record on a running copy's disk; raises FabricError, and complains about holes."""
        with simulated.Guest(self._roots[site], fabric_id) as guest:
            room = guest.size_bytes(KEY) // simulated.RECORD_BYTES
            count = min(room, self._most() + 64)
            found = simulated.records(lambda offset, length: guest.read(KEY, offset, length), count)
        if found != list(range(len(found))):
            hole = next(n for n, number in enumerate(found) if n != number)
            self.complaints.append(f"{self.name} at {site}: record {hole} is missing below {found[-1]}")
        return len(found)

    def _most(self) -> int:
        """The most records that any lineage had: a newer point than the last one may be started."""
        with self._guard:
            return max([len(self._acknowledged), *(len(boot.books) for boot in self.boots)])

    def _live(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            # a site is lost with all its files, also while a folder of it is made for a look
            with contextlib.suppress(errors.SecondsiteError, FileNotFoundError, FileExistsError):
                self._look()

    def _look(self) -> None:
        running = self.running()
        if len(running) > 1 and len(running := self.running()) > 1:  # two sites are not read at one instant
            self._twice(running)
        if running:
            self._run(*min(running, key=lambda copy: copy[0] != self.runs_at))

    def _twice(self, running: list[tuple[str, str]]) -> None:
        told = f"{len(running)} copies of {self.name} run: {running}"
        if self.pardon is None and told not in self.complaints:
            self.complaints.append(told)

    def _run(self, site: str, fabric_id: str) -> None:
        """From the boot until the disks fail under the guest, which is how it learns that it was switched
        off."""
        with simulated.Guest(self._roots[site], fabric_id) as guest:
            boot = guest.boot
            last = self.records_of(site, fabric_id)
            with self._guard:
                self.boots.append(Boot(site, fabric_id, last, tuple(self._acknowledged), time.time()))
                del self._acknowledged[last:]
                self._acknowledged += [time.time()] * (last - len(self._acknowledged))
            try:
                while not self.ended.wait(PAUSE_SECONDS):
                    guest.record(len(self._acknowledged), KEY)
                    with self._guard:
                        self._acknowledged.append(time.time())
            except errors.SecondsiteError as error:
                # a host says that a machine is off before it takes its disks away, and may have started it
                # again by now
                if boot is not None and guest.boot == boot:
                    self.complaints.append(f"{self.name} runs at {site}, and a write failed: {error}")
                raise
