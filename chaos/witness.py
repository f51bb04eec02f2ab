"""Somebody who watches the guests' consoles and QEMU processes all the time: what was acknowledged when,
who ran."""

import bisect
import contextlib
import time
from pathlib import Path

import guestkit
from rig import Rig
from rig.background import Background
from rig.sites import SITES, SiteName

LOOK_SECONDS = 0.1


class Witness(Background):
    """`said` are (time, last record) of the console that speaks now; `complaints` what must never be seen."""

    def __init__(self, rig: Rig, machine: str) -> None:
        super().__init__({"witness": self._live})
        self.complaints: list[str] = []
        self._rig = rig
        self._machine = machine
        self._said: list[tuple[float, int]] = []

    def console(self, site: SiteName) -> guestkit.Console:
        """Where the machine speaks at that site."""
        return self._rig.console(site, self._machine)

    def running(self) -> list[SiteName]:
        """The sites where a QEMU runs the machine."""
        homes: dict[SiteName, bytes] = {
            site: str(self._rig.home(f"appliance-{site}")).encode() for site in SITES
        }
        found: list[SiteName] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                command = _command(entry)
                if f"guest={self._machine},".encode() in command:
                    found += [site for site, home in homes.items() if home in command]
        return found

    def acknowledged_before(self, at: float) -> int:
        """The last record that the lineage which ran then had said by that instant (seconds since the
        epoch)."""
        place = bisect.bisect_left(self._said, (at, 0))
        return self._said[place - 1][1] if place else 0

    def _live(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            running = self.running()
            if len(running) > 1 and len(running := self.running()) > 1:  # one look at two sites is no instant
                self.complaints.append(f"{self._machine} ran twice: {running}")
            if len(running) == 1:
                self._listen(running[0])

    def _listen(self, site: SiteName) -> None:
        with contextlib.suppress(IndexError):
            last = self.console(site).boots[-1].last_record
            if last is not None:
                self._said.append((time.time(), last))


def _command(entry: Path) -> bytes:
    with contextlib.suppress(OSError):
        return (entry / "cmdline").read_bytes()
    return b""
