"""Whoever may be killed while real guests run, and the one who does it at random moments."""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.keeper import Keeper
from rig import Rig
from rig.background import Background
from rig.sites import SiteName

CONSIDERATE = 0.8
VICTIMS = ("vault", "appliance-a", "appliance-b", "daemon-a", "daemon-b")


@dataclass(frozen=True, slots=True)
class Kill:
    """`at` counts seconds since the run began; `verb` was under way."""

    victim: str
    pid: int
    at: float
    verb: str


def pid_of(rig: Rig, victim: str) -> int | None:
    """The victim's pid if it lives now."""
    kind, _, site = victim.partition("-")
    if kind == "daemon":
        return _daemon(rig, "a" if site == "a" else "b")
    process = next(p for p in (rig.vault, *rig.appliances.values()) if p.name == victim)
    return process.pid if process.is_alive else None


def _daemon(rig: Rig, site: SiteName) -> int | None:
    """The storage daemon that writes the replicas of a site."""
    folder = rig.home(f"appliance-{site}") / "store" / "daemon"
    try:
        pid = int((folder / "storage-daemon.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"qemu-storage-daemon" in command else None


class Killer(Background):
    """kill -9 of a random victim every `pause` seconds (least, most) while its block lasts.

    Now and then somebody dies while another one is still on its way back, but not so often that a busy host
    would never see all of them up.
    """

    def __init__(
        self,
        rig: Rig,
        keeper: Keeper,
        verb: Callable[[], str],
        seed: int,
        pause: tuple[float, float] = (1.5, 5.0),
    ) -> None:
        super().__init__({"killer": self._live})
        self.kills: list[Kill] = []
        self._rig = rig
        self._keeper = keeper
        self._verb = verb
        self._pause = pause
        self._chance = random.Random(seed)
        self._began = time.monotonic()

    def _live(self) -> None:
        while not self.ended.wait(self._chance.uniform(*self._pause)):
            if not self._keeper.all_up and self._chance.random() < CONSIDERATE:
                continue
            victim = self._chance.choice(VICTIMS)
            pid = pid_of(self._rig, victim)
            if pid is not None:
                self._kill(victim, pid)

    def _kill(self, victim: str, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills.append(Kill(victim, pid, time.monotonic() - self._began, self._verb()))
