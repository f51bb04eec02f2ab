"""Another customer's key for a replica, without copying what it holds.

First every image and the record are made to open with both keys (`admit`). Which of the two holds is the one that the
replica is next opened with; from then on the other one is taken out of everything (`shed`). A death in `admit` leaves
the old key opening everything, one in `shed` the new key, and both can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from . import errors, image_blank, image_keys, luks_header, sealed_file
from .encryption_key import EncryptionKey
from .replica_core import ReplicaCore
from .replica_files import sync_folder


def check(core: ReplicaCore) -> None:
    """Raises ReplicaInUse while something runs on the replica: QEMU has its images open."""
    runs = [run.name for run in core.state.runs]
    if runs:
        raise errors.ReplicaInUse(
            f"Machines run on the replica of {core.state.machine_id}: {', '.join(runs)}.",
            do="Clean up its drills, and reprotect and fail back a machine that was failed over; then change the key.",
        )


def admit(core: ReplicaCore, new: EncryptionKey) -> None:
    """See `Replica.admit_key`."""
    with core.changing(), core.keeping_layers():
        check(core)
        key, sealing = core.key, core.keys.files
        if key is None or sealing is None or key.key_id == new.key_id:
            return
        for path in _sealed_files(core):
            if sealed_file.seal_again(path, sealing):
                core.reach("key.sealed")
        _each_image(core, lambda path: image_keys.add(path, key, new), "key.added", descriptor_first=False)
        wrapped = (sealing.wrapped(key), sealing.wrapped(new))
        core.save(data_keys=wrapped, next_key_id=new.key_id)
        core.reach("key.admitted")


def shed(core: ReplicaCore, old: EncryptionKey) -> None:
    """See `Replica.shed_key`."""
    with core.changing(), core.keeping_layers() as state:
        check(core)
        key, sealing = core.key, core.keys.files
        if key is None or sealing is None or old.key_id != state.former_key_id:
            return
        _each_image(
            core, lambda path: image_keys.remove(path, key, old), "key.removed", descriptor_first=True
        )
        for disk in state.disks:
            image_blank.rename(core.files.disk(disk.key), old, key)
        core.save(data_keys=(sealing.wrapped(key),), former_key_id=None)
        core.reach("key.shed")


def _each_image(
    core: ReplicaCore, change: Callable[[Path], None], seam: str, *, descriptor_first: bool
) -> None:
    core.heads.close()

    def paths() -> Iterator[Path]:
        for path in sorted((core.files.root / "disks").glob("*/*.qcow2")):
            core.reach(seam)
            yield path

    luks_header.change_all(paths(), change, descriptor_first=descriptor_first)
    sync_folder(core.files.root)


def _sealed_files(core: ReplicaCore) -> list[Path]:
    folders = (core.files.inbox, core.files.journal)
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.cycle"))]
