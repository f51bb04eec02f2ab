"""How much longer the digests of a thin disk of 2 TiB take to be made anew than those of one of 2 GiB with
the same data."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, seconds_of
from bench.support import content, thin
from secondsite.datapath.cycles import CycleDisk, CycleHeader
from secondsite.datapath.disks import StorageDaemon
from secondsite.datapath.extents import CHUNK_BYTES
from secondsite.datapath.frames import Frame
from secondsite.datapath.replica import Replica, ReplicaDisk


def measure() -> Figure:
    with tempfile.TemporaryDirectory(prefix="ss-thin-") as folder:
        daemon = StorageDaemon(Path(folder) / "daemon")
        try:
            replicas = {
                size: _replica(Path(folder), daemon, size) for size in (thin.SMALL_BYTES, thin.LARGE_BYTES)
            }
            return thin.figure(
                "thin_rebuild_ratio",
                lambda size: _seconds(replicas[size]),
                (
                    "the replica reads its head and writes the map of its digests, as after rot or a "
                    "reprotect onto old disks"
                ),
            )
        finally:
            daemon.stop()


def _seconds(replica: Replica) -> float:
    replica.forget_digests()
    seconds = seconds_of(replica.build_digests)
    replica.close()
    return seconds


def _replica(folder: Path, daemon: StorageDaemon, size_bytes: int) -> Replica:
    name = thin.name_of(size_bytes)
    replica = Replica.create(folder / name, daemon, name, [ReplicaDisk("vda", size_bytes)], epoch=1)
    header = CycleHeader(
        machine_id=name, epoch=1, seq=1, base_seq=None, taken_at="2026-11-25T08:00:00+00:00",
        disks=(CycleDisk("vda", size_bytes),),
    )  # fmt: skip
    replica.apply(header, _frames(size_bytes))
    return replica


def _frames(size_bytes: int) -> Iterator[Frame]:
    for number, place in enumerate(thin.places(size_bytes)):
        part = content.half_compressible(thin.PART_BYTES, number)
        for at in range(0, len(part), CHUNK_BYTES):
            yield Frame(0, place + at, CHUNK_BYTES, False, part[at : at + CHUNK_BYTES])
