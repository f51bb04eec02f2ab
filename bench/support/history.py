"""A long life of one replica: a disk that keeps changing, a point after each change, and the retention that
prunes.

Time is told by the headers, not waited for: the grid of two hours, hours and days is met in as many points as
it takes.
"""

from __future__ import annotations

import dataclasses
import random
import subprocess
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import xxhash

from bench.errors import NotMeasured
from bench.support import content
from secondsite.appliance.target import point_shapes
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica.replica import Replica
from secondsite.datapath.replica.verbs.create import ReplicaDisk
from secondsite.domain import retention
from secondsite.domain.points import RecoveryPoint
from secondsite.ground.units import DAY, KiB
from secondsite.ground.uptime import Uptime

PAGE_BYTES = 4 * KiB
MACHINE, KEY = "history", "vda"
BEGAN_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Load:
    """`points` points, `step_seconds` apart by the source's clock. Before each, `pages` scattered pages of
    4 KiB and one run of `run_bytes` are overwritten."""

    points: int
    step_seconds: int
    disk_bytes: int
    pages: int
    run_bytes: int
    retention_seconds: int = 7 * DAY


@dataclass(frozen=True, slots=True)
class Outcome:
    """`needed_bytes`: the distinct contents of 4 KiB pages that the kept points and the head are made of;
    `stored_bytes`: what all files of the replica occupy; `false`: kept points that are not what the source
    held."""

    kept: int
    dropped: int
    stored_bytes: int
    needed_bytes: int
    false: tuple[str, ...]

    @property
    def ratio(self) -> float:
        return self.stored_bytes / self.needed_bytes


class Source:
    """A disk in memory. A page's version is the cycle that wrote it last; 0 was never written."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._random = random.Random(load.points)
        self._text = content.half_compressible(load.run_bytes, 1)
        self.disk = bytearray(load.disk_bytes)
        self.versions = array("I", bytes(4 * (load.disk_bytes // PAGE_BYTES)))
        self.seq = 0

    def cycle(self) -> tuple[CycleHeader, list[Frame]]:
        self.seq += 1
        places = self._random.sample(range(len(self.versions)), self._load.pages)
        run = self._random.randrange(self._load.disk_bytes // self._load.run_bytes) * self._load.run_bytes
        frames = [self._write(place * PAGE_BYTES, PAGE_BYTES) for place in sorted(places)]
        frames.append(self._write(run, self._load.run_bytes))
        taken_at = BEGAN_AT + timedelta(seconds=self.seq * self._load.step_seconds)
        header = CycleHeader(
            machine_id=MACHINE, epoch=1, seq=self.seq, base_seq=self.seq - 1 or None,
            taken_at=taken_at.isoformat(),
            disks=(CycleDisk(KEY, self._load.disk_bytes),),
            point={"point_id": f"p{self.seq}", "machine_name": MACHINE, "definition": {}},
        )  # fmt: skip
        return header, frames

    def _write(self, offset: int, length: int) -> Frame:
        stamp = self._random.randbytes(16)
        pages = range(offset, offset + length, PAGE_BYTES)
        data = b"".join(stamp + self._text[at % len(self._text) :][16:PAGE_BYTES] for at in pages)
        self.disk[offset : offset + length] = data
        for at in pages:
            self.versions[at // PAGE_BYTES] = self.seq
        return Frame(0, offset, length, False, data)


@dataclass(frozen=True, slots=True)
class _Instant:
    digest: bytes
    versions: bytes


def live(folder: Path, load: Load, told: Callable[[int], None] = lambda _count: None) -> Outcome:
    """Live it in `folder`, then read every point that is left, with and without us. `told` gets the points
    taken."""
    source, instants = Source(load), {}
    daemon = StorageDaemon(folder / "daemon")
    try:
        replica = Replica.create(
            folder / MACHINE, daemon, MACHINE, [ReplicaDisk(KEY, load.disk_bytes)], epoch=1
        )
        for number in range(1, load.points + 1):
            replica.apply(*source.cycle())
            instants[f"p{number}"] = _Instant(xxhash.xxh3_128_digest(source.disk), source.versions.tobytes())
            _prune(replica, load.retention_seconds, instants)
            told(number)
        kept = [point.point_id for point in replica.points()]
        if kept != list(instants):
            raise NotMeasured(f"the replica keeps {len(kept)} points, {len(instants)} were not dropped")
        stored = replica.stats().stored_bytes
        false = tuple(name for name in kept if not _is_true(replica, folder, name, instants[name]))
    finally:
        daemon.stop()
    needed = _needed_bytes([instant.versions for instant in instants.values()])
    return Outcome(len(kept), load.points - len(kept), stored, needed, false)


def _prune(replica: Replica, retention_seconds: int, instants: dict[str, _Instant]) -> None:
    points = [_aged(point_shapes.shape(record).to_domain()) for record in replica.points()]
    for doomed in retention.to_drop(points, retention_seconds):
        replica.drop(doomed.id)
        del instants[doomed.id]


def _aged(point: RecoveryPoint) -> RecoveryPoint:
    """As if the target's host had lived through the time that this history tells."""
    return dataclasses.replace(point, uptime=Uptime("history", point.taken_at.timestamp()))


def _is_true(replica: Replica, folder: Path, name: str, instant: _Instant) -> bool:
    """By its own digest, and by what plain qemu-img reads against the source at that instant."""
    record = next(point for point in replica.points() if point.point_id == name)
    plain = folder / "plain.raw"
    image = folder / MACHINE / record.manifest.disks[0].file
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(image), str(plain)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    read = xxhash.xxh3_128_digest(plain.read_bytes())
    plain.unlink()
    return replica.verify(name).ok and read == instant.digest


def _needed_bytes(versions: list[bytes]) -> int:
    """A page counts once for each of its versions that a kept point has."""
    found = 0
    before = array("I", bytes(len(versions[0])))
    for each in versions:
        now = array("I", each)
        found += sum(old != new for old, new in zip(before, now, strict=True))
        before = now
    return found * PAGE_BYTES
