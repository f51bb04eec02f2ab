"""Walk every verb on recorded disks; then cut the power of one of them again and again, and judge what is
left."""

import bisect
import contextlib
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import world
from chaos.errors import PromiseBroken
from chaos.power_cuts import judges, write_log
from chaos.power_cuts.acknowledged import Acknowledged, Fact
from chaos.power_cuts.cut_image import CutImages
from chaos.power_cuts.recorded_disk import RecordedDisk, mounted
from chaos.power_cuts.watcher import Watcher
from chaos.walk import WAY
from rig import Rig
from secondsite.fabrics import simulated
from secondsite.ground.units import GiB

DISK_BYTES = GiB
DISKS = ("vault", "appliance-a", "appliance-b")
STARTS_EVERY = 5
"""An appliance is judged by what it keeps; at every fifth cut it is started, too."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cut:
    """One power cut: after how many requests, of which the last so many were not flushed, and how many
    facts had to survive it. `torn`: parts of them were there."""

    disk: str
    requests: int
    unflushed: int
    torn: bool
    facts: int


@dataclass(slots=True)
class PowerCuts:
    """`broken` tells the first promise that broke."""

    seed: int
    requests: dict[str, int] = field(default_factory=dict)
    flushes: dict[str, int] = field(default_factory=dict)
    facts: dict[str, int] = field(default_factory=dict)
    cuts: list[Cut] = field(default_factory=list)
    broken: str | None = None

    def as_json(self) -> dict[str, Any]:
        by_disk = Counter(cut.disk for cut in self.cuts)
        return {
            "seed": self.seed,
            "requests": self.requests,
            "flushes": self.flushes,
            "facts": self.facts,
            "cuts": dict(by_disk),
            "cuts_with_torn_writes": sum(cut.torn for cut in self.cuts),
            "facts_asked_for": sum(cut.facts for cut in self.cuts),
            "broken": self.broken,
        }


def run(count: int, seed: int, say: Say = lambda _: None) -> PowerCuts:
    """Walk every verb, then at least `count` cuts, the same number of each disk; stops at the first promise
    that breaks.

    Raises NoRight where file systems cannot be mounted or FUSE is not there."""
    found = PowerCuts(seed)
    with _folder() as folder:
        disks = {name: RecordedDisk(folder / "disks" / name, folder / "rig" / name) for name in DISKS}
        (folder / "disks").mkdir()
        walk = _walk(folder / "rig", disks, say)
        for name, disk in disks.items():
            requests = write_log.read(disk.log)
            found.requests[name] = len(requests)
            found.flushes[name] = sum(request.is_flush for request in requests)
            found.facts[name] = len(list(walk.facts.of(name)))
            say(
                f"{name}: {found.requests[name]} requests, {found.flushes[name]} flushes, "
                f"{found.facts[name]} facts"
            )
        try:
            for name, disk in disks.items():
                cuts = _Cuts(walk, disk, random.Random(f"{seed} {name}"))
                cuts.make(found, -(-count // len(disks)), say)
        except PromiseBroken as problem:
            found.broken = str(problem)
        finally:
            walk.rig.close()
    return found


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="secondsite-cuts-", dir="/var/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A rig, stopped, and what was acknowledged in it. `began` and `ended` are where the logs stood once
    all was set up, and before all was taken down again."""

    rig: Rig
    facts: Acknowledged
    began: dict[str, int]
    ended: dict[str, int]


def _walk(folder: Path, disks: dict[str, RecordedDisk], say: Say) -> _Walk:
    with contextlib.ExitStack() as recording:
        for disk in disks.values():
            recording.enter_context(disk.recorded(DISK_BYTES))
        with world.opened(folder) as where, Watcher(where, disks) as watcher:
            for site in ("a", "b"):
                simulated.sync_definitions(where.rig.home(f"appliance-{site}") / "fabric")
            began = _positions(disks)
            for station in WAY:
                set_out = time.monotonic()
                where.walk(station)
                say(f"walked: {station.name}, {time.monotonic() - set_out:.1f} s")
            ended = _positions(disks)
        return _Walk(where.rig, watcher.facts, began, ended)


def _positions(disks: dict[str, RecordedDisk]) -> dict[str, int]:
    return {name: disk.position for name, disk in disks.items()}


class _Cuts:
    """The cuts of one disk."""

    def __init__(self, walk: _Walk, disk: RecordedDisk, chance: random.Random) -> None:
        self._rig, self._disk, self._facts, self._chance = walk.rig, disk, walk.facts, chance
        self._name = disk.mounted_at.name
        self._requests = write_log.read(disk.log)
        self._images = CutImages(disk.base, disk.log, self._requests, disk.folder)
        self._begins = [request.begins for request in self._requests]
        self._first = self._count_at(walk.began[self._name])
        self._last = self._count_at(walk.ended[self._name])
        self._judged = 0

    def _count_at(self, position: int) -> int:
        """How many requests had begun when the log was that long."""
        return max(1, bisect.bisect_left(self._begins, position))

    def make(self, found: PowerCuts, count: int, say: Say) -> None:
        """Raises PromiseBroken."""
        began = time.monotonic()
        for number, after in enumerate(self._places(count), 1):
            cut, told = self._one(after)
            found.cuts.append(cut)
            if told is not None:
                raise PromiseBroken(
                    f"{self._name} cut after request {after} of {len(self._requests)}, seed {found.seed}: "
                    f"{told}\n"
                    f"the disk: {self._kept()}"
                )
            if number % 50 == 0:
                say(f"{self._name}: {number} cuts, {(time.monotonic() - began) / number:.2f} s each")

    def _kept(self) -> Path:
        """A copy of the disk as it was cut and started from, for a look at it."""
        kept = Path(tempfile.mkstemp(prefix="secondsite-cut-", suffix=".img", dir="/var/tmp")[1])
        shutil.copy(self._images.cut, kept)
        return kept

    def _one(self, after: int) -> tuple[Cut, str | None]:
        torn = self._chance.random() < 0.6
        image = self._images.make(after, random.Random(self._chance.random()) if torn else None)
        wanted = self._facts.at(self._name, self._requests[after - 1].ends)
        with mounted(image, self._disk.mounted_at):
            try:
                told = self._judge(wanted)
            except Exception as problem:  # whatever cannot be opened or started is a broken promise, too
                told = f"{type(problem).__name__}: {problem}"
        return Cut(self._name, after, after - self._images.flushed, torn, len(wanted)), told

    def _judge(self, wanted: list[Fact]) -> str | None:
        if self._name == "vault":
            return judges.vault(self._rig, wanted)
        broken = judges.appliance(self._disk.mounted_at, wanted)
        self._judged += 1
        if broken is None and self._judged % STARTS_EVERY == 0:
            judges.starts(self._rig.appliances[self._name.removeprefix("appliance-")])
        return broken

    def _places(self, count: int) -> list[int]:
        """After how many requests the power goes: half the times right after something was acknowledged,
        else anywhere between."""
        told = [self._count_at(fact.since) for fact in self._facts.of(self._name)]
        told = [after for after in told if after <= self._last]
        chosen = []
        for number in range(count):
            if told and number % 2:
                chosen.append(self._chance.choice(told))
            else:
                chosen.append(self._chance.randint(self._first, self._last))
        return sorted(chosen)
