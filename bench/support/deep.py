"""A replica of very many points on a file system that shares parts of files: how long its chains are, and
what that costs."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import NotMeasured
from bench.figure import Pairs, in_turn
from bench.support import history
from rig import small_store
from secondsite.datapath.disks import image
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.replica.replica import Replica
from secondsite.datapath.replica.verbs.create import ReplicaDisk
from secondsite.ground.units import MINUTE, GiB, KiB, MiB

LOAD = history.Load(points=1000, step_seconds=MINUTE, disk_bytes=128 * MiB, pages=64, run_bytes=256 * KiB)
READS, STRIDE = 40_000, 12_289 * 4 * KiB
STARTS = 7
READ_ROUNDS = 7
QEMU = ("qemu-system-x86_64", "-S", "-display", "none", "-nodefaults", "-m", "64", "-qmp", "stdio")
RUN = "bench"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`files` of the longest chain, a machine's overlay counted; `starts` and `reads` against a chain of
    two files with the same content; `store_ratio`: what the store occupies against the same layers without
    merged ones."""

    points: int
    files: int
    starts: Pairs
    reads: Pairs
    plain_bytes: int
    stored_bytes: int
    merging_seconds: float

    @property
    def store_ratio(self) -> float:
        return self.stored_bytes / self.plain_bytes


@functools.cache
def measured() -> Outcome:
    """Once for all figures of a run."""
    place = os.environ.get("TMPDIR", "/var/tmp")
    with tempfile.TemporaryDirectory(prefix="secondsite-bench-", dir=place) as folder:
        try:
            with small_store.sharing(Path(folder) / "store", 16 * GiB) as store:
                return _measured(store)
        except small_store.NoRight as problem:
            raise NotMeasured(str(problem)) from problem


def _measured(store: Path) -> Outcome:
    daemon, empty = StorageDaemon(store / "daemon"), _used_bytes(store)
    try:
        disks = [ReplicaDisk(history.KEY, LOAD.disk_bytes)]
        replica = Replica.create(store / "machine", daemon, history.MACHINE, disks, epoch=1)
        source, seconds = history.Source(LOAD), 0.0
        for _ in range(LOAD.points):
            replica.apply(*source.cycle())
            began = time.monotonic()
            while replica.keep_short():
                pass
            seconds += time.monotonic() - began
        replica.close()
        stored = _used_bytes(store) - empty
        plain = _alone(replica)
        files, deepest = max(_lengths(replica))
        flat = _flat(replica, deepest, store / "flat.qcow2")
        starts = in_turn(lambda: _started(replica, deepest), lambda: _started_on(flat), STARTS)
        reads = _reads(replica, deepest, flat)
        return Outcome(LOAD.points, files, starts, reads, plain, stored, seconds)
    finally:
        daemon.stop()


def _alone(replica: Replica) -> int:
    """What the layers occupy, as they lie: XFS takes some space in advance for each of their pages."""
    files = replica.files.disk(history.KEY).iterdir()
    return sum(path.stat().st_blocks * 512 for path in files if "-" not in path.name)


def _used_bytes(folder: Path) -> int:
    subprocess.run(["sync", "-f", str(folder)], check=True, timeout=120)
    told = os.statvfs(folder)
    return (told.f_blocks - told.f_bfree) * told.f_frsize


def _lengths(replica: Replica) -> list[tuple[int, str]]:
    layers = [layer for layer in replica.state.layers if layer.point_id]
    return [
        (len(image.chain(replica.files.layer(history.KEY, layer.number))) + 1, str(layer.point_id))
        for layer in layers
    ]


def _flat(replica: Replica, point_id: str, path: Path) -> Path:
    record = replica.point(point_id)
    top = replica.files.root / record.manifest.disks[0].file
    command = [
        "qemu-img",
        "convert",
        "-f",
        "qcow2",
        "-O",
        "qcow2",
        "-o",
        image.OVERLAY_OPTIONS,
        str(top),
        str(path),
    ]
    subprocess.run(command, check=True, timeout=300)
    return path


def _started(replica: Replica, point_id: str) -> float:
    began = time.monotonic()
    overlay = replica.open_run(RUN, point_id)[history.KEY]
    seconds = _until_ready(overlay, began)
    replica.close_run(RUN)
    return seconds


def _started_on(flat: Path) -> float:
    began = time.monotonic()
    overlay = flat.with_name("overlay.qcow2")
    image.create_overlay(overlay, flat, "qcow2", LOAD.disk_bytes)
    return _until_ready(overlay, began)


def _until_ready(overlay: Path, began: float) -> float:
    """Seconds from `began` until a QEMU that has opened the disk answers."""
    command = [*QEMU, "-drive", f"file={overlay},format=qcow2,if=virtio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if "QMP" not in json.loads(process.stdout.readline()):
                raise NotMeasured("QEMU did not start")
            return time.monotonic() - began
        finally:
            process.kill()


def _reads(replica: Replica, point_id: str, flat: Path) -> Pairs:
    """Each by a QEMU that runs, as its guest's would be: over a socket, since nothing is emulated
    meanwhile."""
    deep, short = replica.open_run(RUN, point_id)[history.KEY], flat.with_name("overlay.qcow2")
    with _serving(deep) as ours, _serving(short) as theirs:
        for warm in (ours, theirs):
            _read(warm)
        found = in_turn(lambda: _read(ours), lambda: _read(theirs), READ_ROUNDS)
    replica.close_run(RUN)
    return found


@contextlib.contextmanager
def _serving(overlay: Path) -> Iterator[str]:
    """The address at which a running QEMU serves the disk that it has opened."""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        socket, disk = (
            f"{folder}/nbd",
            f"driver=qcow2,node-name=disk,file.driver=file,file.filename={overlay}",
        )
        orders: list[dict[str, Any]] = [
            {"execute": "qmp_capabilities"},
            {
                "execute": "nbd-server-start",
                "arguments": {"addr": {"type": "unix", "data": {"path": socket}}},
            },
            {"execute": "block-export-add", "arguments": {"type": "nbd", "id": "disk", "node-name": "disk"}},
        ]
        with subprocess.Popen(
            [*QEMU, "-blockdev", disk], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdout.readline()
                for order in orders:
                    print(json.dumps(order), file=process.stdin, flush=True)
                    answer = process.stdout.readline()
                    if '"return"' not in answer:
                        raise NotMeasured(f"QEMU refused {order['execute']}: {answer}")
                yield f"nbd+unix:///disk?socket={socket}"
            finally:
                process.kill()


def _read(address: str) -> float:
    command = [
        "qemu-img", "bench", "-f", "raw", "-c", str(READS), "-d", "16", "-s", str(4 * KiB), "-S", str(STRIDE),
        address,
    ]  # fmt: skip
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return time.monotonic() - began
