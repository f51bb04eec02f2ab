"""A pretended source machine whose disks are flat bytes in memory, and readers that share no code with the
replica."""

import contextlib
import random
import subprocess
from dataclasses import dataclass, field
from typing import Any

from rig.dying import Killed
from secondsite.datapath.cycles.cycle_file import CycleDisk, CycleHeader
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica import ReplicaDisk
from secondsite.ground.units import KiB, MiB

ODD_BYTES = 3 * MiB + 4 * KiB + 512
"""A size that ends inside a 64 KiB block."""


class Seams:
    """Lets the process 'die' at the n-th seam that is reached; counts how many there were."""

    def __init__(self):
        self.kill_at = None
        self.reached = []

    def __call__(self, name):
        self.reached.append(name)
        if self.kill_at is not None and len(self.reached) == self.kill_at:
            raise Killed(name)

    def arm(self, kill_at):
        self.reached, self.kill_at = [], kill_at


@dataclass
class Source:
    """Writes at random, remembers what its disks held at every point."""

    seed: int = 1
    sizes: dict[str, int] = field(default_factory=lambda: {"sda": 4 * MiB, "sdb": ODD_BYTES})
    epoch: int = 1

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.disks = {key: bytearray(size) for key, size in self.sizes.items()}
        self.seq = 0
        self.points = {}

    @property
    def replica_disks(self):
        return [ReplicaDisk(key, len(data)) for key, data in self.disks.items()]

    def cycle(self, point_id=None, writes=6, **header):
        """One delta: the header and its frames. Applying them makes a replica hold what `disks` holds now."""
        frames = [self.write() for _ in range(writes)]
        self.seq += 1
        point = (
            {"point_id": point_id, "machine_name": "web01", "definition": {"vcpus": 2}} if point_id else None
        )
        if point_id:
            self.points[point_id] = self.copy()
        facts = {
            "machine_id": "m1", "epoch": self.epoch, "seq": self.seq, "base_seq": self.seq - 1 or None,
            "taken_at": f"2026-11-20T08:00:{self.seq:02d}+00:00", "point": point,
            "disks": tuple(CycleDisk(key, len(data)) for key, data in self.disks.items()),
        }  # fmt: skip
        return CycleHeader(**{**facts, **header}), frames

    def copy(self):
        return {key: bytes(data) for key, data in self.disks.items()}

    def write(self):
        key, disk = self.random.choice(list(self.disks.items()))
        grain = self.random.choice([512, 4 * KiB, 64 * KiB])
        offset = self.random.randrange(0, len(disk), grain)
        length = min(self.random.choice([1, 3, 16]) * grain, len(disk) - offset)
        zero = self.random.random() < 0.25
        data = bytes(length) if zero else self.random.randbytes(length)
        disk[offset : offset + length] = data
        return Frame(self.index(key), offset, length, zero, b"" if zero else data)

    def index(self, key):
        return list(self.disks).index(key)


def read_raw(path, scratch):
    """What plain qemu-img reads from an image and its chain."""
    out = scratch / "read.raw"
    qemu_img("convert", "-f", "qcow2", "-O", "raw", path, out)
    return out.read_bytes()


def qemu_img(*arguments):
    done = subprocess.run(
        ["qemu-img", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"qemu-img {arguments}: {done.stderr}"
    return done.stdout


def write_image(path, data, offset, pattern=0x5A, image_format="qcow2"):
    """Let plain qemu-io write `data` bytes of a pattern: what a machine would do on its overlay."""
    done = subprocess.run(
        ["qemu-io", "-f", image_format, "-c", f"write -P {pattern} {offset} {data}", str(path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def assert_points_true(replica, source, scratch, only=None):
    """Every point that exists is bit for bit what the source held, and its digest says so."""
    for point in replica.points():
        if only is not None and point.point_id not in only:
            continue
        for disk in point.manifest.disks:
            held = read_raw(replica.files.root / disk.file, scratch)
            assert held == source.points[point.point_id][disk.key], f"{point.point_id} {disk.key} differs"
        assert replica.verify(point.point_id).ok


@contextlib.contextmanager
def dying():
    """Yields a list that says whether the block died at a seam."""
    died: list[Any] = []
    try:
        yield died
    except Killed as seam:
        died.append(str(seam))
