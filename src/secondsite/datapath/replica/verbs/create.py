"""Creates a replica: its folders, its first layers and, last, its record.

After a crash before the record, it is created again over what was left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ....ground.durable import sync_file, sync_folder
from ... import errors
from ...disks import image, luks_blank
from ...encryption import EncryptionKey, file_key
from ..chain import chain
from ..core import Reach
from ..record import base_files
from ..record import record as replica_state
from ..record.paths import ReplicaFiles, checked_name
from ..record.record import DiskRecord, Layer, ReplicaState


@dataclass(frozen=True, slots=True)
class ReplicaDisk:
    """A disk to replicate: the key that both sites know it by, and its size."""

    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An existing image to start from: only ever read, never deleted."""

    path: Path
    image_format: str = "qcow2"


EMPTY: Mapping[str, BaseImage] = {}
"""No images to start from: all disks start as zeros."""


def nowhere(_name: str) -> None:
    """For callers that watch no seams."""


def make(
    files: ReplicaFiles, machine_id: str, disks: Sequence[ReplicaDisk], epoch: int,
    base: Mapping[str, BaseImage],
    reach: Reach, key: EncryptionKey | None,
) -> None:  # fmt: skip
    """Write the files and the record of a new replica."""
    assert key is None or not base
    files.make_folders(tuple(checked_name(disk.key, "disk key") for disk in disks))
    records = tuple(_make_disk(files, disk, base.get(disk.key), key) for disk in disks)
    reach("create.files")
    state = ReplicaState(
        machine_id=machine_id,
        epoch=epoch,
        disks=records,
        layers=(Layer(1),),
        head=1,
        next_number=2,
        whole=False,
        key_id=key.key_id if key is not None else None,
        data_keys=() if key is None else (file_key.make(key).wrapped(key),),
    )
    replica_state.save(state, files.record)


def check_same(state: ReplicaState, machine_id: str, epoch: int) -> None:
    """Raises ReplicaInUse if the replica is another machine's, or of another epoch."""
    if (state.machine_id, state.epoch) != (machine_id, epoch):
        raise errors.ReplicaInUse(
            (
                f"The folder holds a replica of {state.machine_id}, epoch {state.epoch}, not {machine_id}, "
                f"epoch {epoch}."
            ),
            do="Remove that replica, or turn it with rebase_from_run.",
        )


def _make_disk(
    files: ReplicaFiles, disk: ReplicaDisk, base: BaseImage | None, key: EncryptionKey | None
) -> DiskRecord:
    if base is None:
        path = files.base(disk.key)
        if key is None:
            image.create(path, disk.size_bytes)
        else:
            luks_blank.create(path, disk.size_bytes, key, files.disk(disk.key))
        sync_file(path)
        record = DiskRecord(disk.key, disk.size_bytes, str(path.relative_to(files.root)))
    else:
        path = base.path.absolute()
        below = base_files.seen(path, base.image_format)
        record = DiskRecord(disk.key, disk.size_bytes, str(path), base.image_format, below)
    chain.create_layer(files, record, files.head(disk.key, 1), path, record.base_format, key=key)
    sync_folder(files.disk(disk.key))
    return record
