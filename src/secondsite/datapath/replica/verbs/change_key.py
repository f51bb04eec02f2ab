"""Changes the customer's key of a replica, without copying its data.

First `admit` makes every image and the record open with both keys. Whichever key opens the replica next
becomes its key; `shed` then removes the other one everywhere. After a crash in `admit` the old key opens
everything, after one in `shed` the new key; both can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ....ground.durable import sync_folder
from ... import errors
from ...disks import luks_blank, luks_header
from ...encryption import EncryptionKey, encrypted_file
from ..core import ReplicaCore


def check(core: ReplicaCore) -> None:
    """Raises ReplicaInUse while a machine runs on the replica: QEMU has its images open, so its key cannot
    be changed."""
    runs = [run.name for run in core.state.runs]
    if runs:
        raise errors.ReplicaInUse(
            f"Machines run on the replica of {core.state.machine_id}: {', '.join(runs)}.",
            do="Clean up its drills; reprotect and fail back a machine that was failed over; remove one "
            "that was restored from the trash, and purge that item. Then change the key.",
        )


def admit(core: ReplicaCore, new: EncryptionKey) -> None:
    """Make everything that is encrypted open with `new` as well; whichever key opens the replica next becomes
    its key. It can be repeated. Raises ReplicaInUse, KeyMissing, KeyWrong."""
    with core.changing(), core.keeping_layers():
        check(core)
        key, file_key = core.key, core.file_key
        if key is None or file_key is None or key.key_id == new.key_id:
            return
        for path in _encrypted_files(core):
            if encrypted_file.encrypt_again(path, file_key):
                core.reach("key.files_encrypted")
        _each_image(core, lambda path: luks_header.add(path, key, new), "key.added", descriptor_first=False)
        wrapped = (file_key.wrapped(key), file_key.wrapped(new))
        core.save(data_keys=wrapped, next_key_id=new.key_id)
        core.reach("key.admitted")


def shed(core: ReplicaCore, old: EncryptionKey) -> None:
    """Make the former key open nothing. It can be repeated. Raises as `admit` does."""
    with core.changing(), core.keeping_layers() as state:
        check(core)
        key, file_key = core.key, core.file_key
        if key is None or file_key is None or old.key_id != state.former_key_id:
            return
        _each_image(
            core, lambda path: luks_header.remove(path, key, old), "key.removed", descriptor_first=True
        )
        for disk in state.disks:
            luks_blank.rename(core.files.disk(disk.key), old, key)
        core.save(data_keys=(file_key.wrapped(key),), former_key_id=None)
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


def _encrypted_files(core: ReplicaCore) -> list[Path]:
    folders = (core.files.inbox, core.files.journal)
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.cycle"))]
