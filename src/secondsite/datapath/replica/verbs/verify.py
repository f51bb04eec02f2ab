"""Reads a recovery point through its chain and compares it with the digests that were taken when it was
sealed."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....ground.durable import forget_cached
from ... import errors
from ...digests import scan
from ...disks import NbdDisk, QmpRefused
from ..chain import chain as layers
from ..core import ReplicaCore
from ..record import base_files
from ..record.manifest import ManifestDisk
from ..record.record import ReplicaState


@dataclass(frozen=True, slots=True)
class Verification:
    """`ok`: every disk is bit for bit what was sealed. `bad`: keys of the disks, and names of the firmware
    files, that are not. `read_bytes` leaves out known zeros."""

    point_id: str
    ok: bool
    read_bytes: int
    seconds: float
    sentence: str
    bad: tuple[str, ...] = ()


def verify(
    core: ReplicaCore, point_id: str, cancelled: scan.Asked = scan.never, told: scan.Told = scan.nobody
) -> Verification:
    """Read a point from the disk and tell whether it still is, bit for bit, what was sealed; cycles go on
    meanwhile. Raises PointUnknown, Cancelled, and DiskSilent and OldDiskAway (repeat it)."""
    began = time.monotonic()
    with held(core, point_id) as (state, top):
        attached = base_files.attached(state)
        base_files.require_there(state)
        body = core.manifest_of(point_id)
        disks, stop = body.disks, until_settled(core, state, cancelled)
        found = [_read(core, state, top, disk, stop, told) for disk in disks]
    rotten = (file.name for file in body.firmware if not core.firmware_store.is_whole(Path(file.file).name))
    if not all(same for same, _ in found):
        # A disk that was back at the end of its reading once marked a point as damaged, for good.
        base_files.require_same(state, attached)
    bad = (*(disk.key for disk, (same, _) in zip(disks, found, strict=True) if not same), *rotten)
    read_bytes = sum(count for _, count in found)
    what = f"differs from what was sealed on {', '.join(bad)}" if bad else "is what was sealed"
    return Verification(
        point_id, not bad, read_bytes, time.monotonic() - began, f"point {point_id} {what}", bad
    )


@contextlib.contextmanager
def held(core: ReplicaCore, point_id: str) -> Iterator[tuple[ReplicaState, int]]:
    """Inside, the point's layer and all below stay as they are; gives the record, and the number of that
    layer. Raises PointUnknown."""
    with core.keeping_layers() as state:
        layer = state.layer_of(point_id)
        if layer is None:
            raise errors.PointUnknown(
                f"The replica of {state.machine_id} has no recovery point '{point_id}'.",
                do="List the recovery points.",
            )
        reading = contextlib.ExitStack()
        reading.enter_context(core.reading(layer.number))
    with reading:
        yield state, layer.number


def until_settled(core: ReplicaCore, state: ReplicaState, cancelled: scan.Asked) -> scan.Asked:
    """Tells when to stop: a commit removes the points, and the way back writes below the one that stays."""
    return lambda: cancelled() or (state.head is not None and core.state.head is None)


def _read(
    core: ReplicaCore, state: ReplicaState, top: int, disk: ManifestDisk, cancelled: scan.Asked,
    told: scan.Told,
) -> tuple[bool, int]:  # fmt: skip
    """Whether a disk of the point is as it was sealed, and how many bytes were read."""
    for file in layers.chain_files(core.files, state, state.disk(disk.key), top, core.key):
        forget_cached(file.path)
    try:
        with opened(core, state, top, disk.key, f"v{secrets.token_hex(5)}") as image:
            digest, read_bytes = scan.whole_digest(image, cancelled, told)
            return (digest, image.size_bytes) == (disk.digest, disk.size_bytes), read_bytes
    except (errors.DiskUnreadable, QmpRefused) as error:
        if not errors.tells_of_damage(error):
            raise
        return False, 0


@contextlib.contextmanager
def opened(core: ReplicaCore, state: ReplicaState, top: int, key: str, prefix: str) -> Iterator[NbdDisk]:
    """A disk as layer `top` has it, to be read; as `exported`. Raises DiskUnreadable, too."""
    with exported(core, state, top, key, prefix), NbdDisk(core.daemon.nbd_socket, prefix) as image:
        yield image


@contextlib.contextmanager
def exported(core: ReplicaCore, state: ReplicaState, top: int, key: str, prefix: str) -> Iterator[None]:
    """Inside, the daemon offers a disk as layer `top` has it, to be read. Its nodes and its export have names
    that begin with `prefix`, and all that have end with it. Raises QmpRefused, StorageDaemonGone."""
    daemon = core.daemon
    chain = layers.chain_files(core.files, state, state.disk(key), top, core.key)
    try:
        with daemon.the_same():
            daemon.export(layers.open_chain(daemon, f"{prefix}-", chain, writable=False), prefix)
            yield
    finally:
        with contextlib.suppress(errors.DatapathError):
            layers.close_chains(daemon, prefix)
