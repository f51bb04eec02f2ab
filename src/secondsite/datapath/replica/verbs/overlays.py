"""Overlays that machines run on, each on a chain that every libvirt starts.

If a point's chain has too many files, its upper layers are first merged into a file of the run, which is
deleted with the run. The layers themselves stay as they are, for other points."""

from __future__ import annotations

from pathlib import Path

from ...digests import scan
from ...disks import image, image_locks, named_files
from ..chain import chain as layers
from ..chain import shortcut_layer
from ..chain.chain import ChainFile
from ..core import ReplicaCore
from ..record.record import Run


def make(core: ReplicaCore, run: Run, key: str, path: Path, size_bytes: int, cancelled: scan.Asked) -> None:
    """Create a durable overlay of a leased run. Raises StoreFull, ImageProblem, DiskUnreadable,
    QmpRefused, Cancelled."""
    below = chain(core, run, key, path.parent, cancelled)[-1].path
    shortcut_layer.create(path, below, size_bytes, core.key, core.files.disk(key))


def chain(core: ReplicaCore, run: Run, key: str, folder: Path, cancelled: scan.Asked) -> list[ChainFile]:
    """The files that an overlay in `folder` stands on, from the base up; a merged file is made there if one
    is needed."""
    disk = core.state.disk(key)
    files = layers.chain_files(core.files, core.state, disk, run.layer, core.key)
    stay = shortcut_layer.divided(disk, files, core.state.merging)
    if stay is None:
        return files
    path = folder / core.files.run_merged(run.name, key).name
    if not path.exists():
        blanks = core.files.disk(key)
        shortcut_layer.make(core.daemon, path, files[:stay], files[stay:], core.key, blanks, cancelled)
        core.reach("run.merged")
    return [*files[:stay], ChainFile("m", path, key=core.key)]


def shorten(core: ReplicaCore, run: Run, key: str, path: Path, cancelled: scan.Asked) -> None:
    """Put an overlay of a former release, which stands on too many files, over a merged file; its content
    stays. Nothing is done below a machine that runs."""
    below = core.files.layer(key, run.layer)
    named = named_files.of(path).backing
    if named is None or Path(named).name != below.name or image_locks.is_written(path):
        return
    short = chain(core, run, key, path.parent, cancelled)[-1].path
    if short != below:
        image.rebase(path, short, "qcow2", core.key)
        core.reach("run.shortened")
