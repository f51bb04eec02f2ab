"""Disks that stand in for those that were left out, in the folder of the run that needs them: they go with
it, as its overlays do."""

from __future__ import annotations

import os
from pathlib import Path

from ....ground.durable import sync_file, sync_folder
from ... import errors
from ...disks import file_system, image, luks_blank
from ...files import store_error
from ..core import ReplicaCore


def make(
    core: ReplicaCore, run_name: str, key: str, size_bytes: int, wanted: file_system.FileSystem | None
) -> tuple[Path, bool]:
    """A thin disk for an open run, with an empty file system if one is wanted; and whether it has that.
    Repeating gives the same disk, with what was written to it. An empty file system is no secret: an
    encrypted replica encrypts what is written above it. Raises StoreFull, ImageProblem."""
    path, below = core.files.run_stand_in(run_name, key), core.files.run_file_system(run_name, key)
    if path.exists():
        return path, below.exists()
    for left_over in (_part(below), below):
        left_over.unlink(missing_ok=True)
    if wanted is not None:
        _make_below(below, size_bytes, wanted)
    part = path.with_name(f".{path.name}.part")
    _make_above(core, part, below if wanted is not None else None, size_bytes)
    sync_file(part)
    core.reach("run.stand-in")
    part.replace(path)
    sync_folder(path.parent)
    return path, wanted is not None


def _make_below(path: Path, size_bytes: int, wanted: file_system.FileSystem) -> None:
    part = _part(path)
    try:
        with part.open("wb") as file:
            os.truncate(file.fileno(), size_bytes)
        file_system.make(part, wanted)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise store_error(error, part) from error
    except errors.ImageProblem:
        part.unlink(missing_ok=True)
        raise
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _make_above(core: ReplicaCore, path: Path, below: Path | None, size_bytes: int) -> None:
    if core.key is not None:
        luks_blank.create(path, size_bytes, core.key, path.parent)
        if below is not None:
            image.rebase(path, below, "raw", core.key)
    elif below is not None:
        image.create_overlay(path, below, "raw", size_bytes)
    else:
        image.create(path, size_bytes)
