"""How fast files come out of a point, by a helper machine, as the archive that a person gets."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.figure import Figure, spread_of
from bench.support import content
from guestkit import kernels
from rig import ext4_disks
from secondsite.appliance.helper import Export, Extracted, reading
from secondsite.datapath.disks import StorageDaemon
from secondsite.ground.units import KiB, MiB

LARGE_BYTES, SMALL_BYTES, SMALL_FILES = 128 * MiB, 4 * KiB, 1000
DISK_BYTES = 192 * MiB
ROUNDS = 3


class Fetched(NamedTuple):
    """Seconds until a helper machine answers, of the one large file, of the small ones; and megabytes a
    second of debugfs, which has no kernel between itself and the same image."""

    boot: float
    large: float
    small: float
    peer: float


def measure() -> Figure:
    with tempfile.TemporaryDirectory(prefix="ss-files-", dir="/var/tmp") as folder:
        image = _image(Path(folder))
        found = [_round(Path(folder), image) for _ in range(ROUNDS)]
    speeds = [LARGE_BYTES / each.large / 1e6 for each in found]
    spread, peer = spread_of(speeds), spread_of([each.peer for each in found])
    boot, small = (spread_of([each[at] for each in found])["median"] for at in (0, 2))
    return Figure(
        name="file_fetch_mb_per_second", value=spread["median"], unit="MB/s", goal=20.0, better="higher",
        peer=f"debugfs, in this process's own user, of the same image: {peer['median']:.0f} MB/s",
        how=f"one file of {LARGE_BYTES // MiB} MiB on ext4, as an archive, once the helper machine answers, "
        f"which takes it {boot:.1f} s; {SMALL_FILES} files of {SMALL_BYTES // KiB} KiB take {small:.1f} s; "
        f"median of {ROUNDS} rounds",
        spread=spread, measured={"rounds": [each._asdict() for each in found]},
    )  # fmt: skip


def _image(folder: Path) -> Path:
    files = {f"small/{number}": os.urandom(SMALL_BYTES) for number in range(SMALL_FILES)}
    made = folder / "made"
    made.mkdir()
    image = folder / "image"
    image.write_bytes(
        ext4_disks.disk(made, {**files, "large": content.half_compressible(LARGE_BYTES, 1)}, DISK_BYTES)
    )
    return image


def _round(folder: Path, image: Path) -> Fetched:
    daemon = StorageDaemon(folder / "daemon")
    daemon.start()
    try:
        node = daemon.add_node(daemon.image_options("n0", image, image_format="raw"))
        daemon.export(node, node)
        began = time.monotonic()
        disks = [("vda", Export(daemon.nbd_socket, node))]
        accelerated = os.access("/dev/kvm", os.W_OK)
        with reading.reader(
            kernels.installed(), disks, accelerated=accelerated, is_cancelled=lambda: False
        ) as reader:
            reader.files((b"vda",), b"", 10)
            boot = time.monotonic() - began
            large, small = (_seconds(reader, name) for name in (b"large", b"small"))
    finally:
        daemon.stop()
    return Fetched(boot, large, small, LARGE_BYTES / _by_debugfs(folder, image) / 1e6)


def _seconds(reader: reading.Reader, name: bytes) -> float:
    began = time.monotonic()
    for _ in reader.archive((b"vda", name), Extracted()):
        pass
    return time.monotonic() - began


def _by_debugfs(folder: Path, image: Path) -> float:
    began = time.monotonic()
    command = ["/usr/sbin/debugfs", "-R", f"dump large {folder / 'dumped'}", str(image)]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    return time.monotonic() - began
