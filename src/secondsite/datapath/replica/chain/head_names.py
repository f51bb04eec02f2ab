"""Names of heads: the layer that cycles are written to has a name of its own, and is renamed when a point is
sealed.

A backup copies the files of a running store one after the other. A file under a layer's name was sealed
before it was copied, and has its point's content; a head that was half copied is no file of any point,
whatever a record says that was copied later."""

from __future__ import annotations

from pathlib import Path

from ....ground.durable import sync_folder
from ....ground.real_files import file_number, id_of
from ..record.paths import ReplicaFiles
from ..record.record import ReplicaState


def file_of(files: ReplicaFiles, state: ReplicaState, key: str, number: int) -> Path:
    """The file of a layer of a disk."""
    return files.disk(key) / name_of(files, state, number)


def numbers(files: ReplicaFiles, state: ReplicaState) -> dict[str, int]:
    """The number of each disk's head, by disk key, for those that exist."""
    if state.head is None:
        return {}
    found = {key: file_number(files.head(key, state.head)) for key in state.keys}
    return {key: id_of(number) for key, number in found.items() if number is not None}


def name_of(files: ReplicaFiles, state: ReplicaState, number: int) -> str:
    """The name of a layer's file."""
    return files.head_name(number) if number == state.head else files.layer_name(number)


def seal(files: ReplicaFiles, state: ReplicaState) -> None:
    """Give the heads of all disks the names of layers, durably; nothing writes to them any more."""
    assert state.head is not None
    for key in state.keys:
        files.head(key, state.head).replace(files.layer(key, state.head))
        sync_folder(files.disk(key))


def settle(files: ReplicaFiles, state: ReplicaState) -> None:
    """Rename the heads to the names of heads, if a seal was interrupted before it was recorded, or a former
    release named them."""
    if state.head is None:
        return
    for key in state.keys:
        head, layer = files.head(key, state.head), files.layer(key, state.head)
        if not head.exists() and layer.exists():
            layer.replace(head)
            sync_folder(head.parent)
