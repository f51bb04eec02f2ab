"""Makes merged layers that share the data of the layers: they cost only the space of their tables, on a file
system that can share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ....ground.durable import sync_file, sync_folder
from ...disks import image, qcow2_sum
from ...files import copied


def sum_up(path: Path, layers: Sequence[Path], backing: str | None) -> bool:
    """Make, or replace, `path` by the sum of `layers`, top first, over the qcow2 file that `backing`
    names; durable when it returns. False if their data cannot be shared: nothing was done then. Raises
    StoreFull, ImageProblem."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        qcow2_sum.make(part, str(backing), layers)
        image.check(part)
        part.replace(path)
    except qcow2_sum.CannotShare:
        return False
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def lay_on(path: Path, below: Path) -> None:
    """Change a layer's header to name another backing file with the same content, in one step; files that
    other replicas share with this one stay as they are. Raises StoreFull, ImageProblem, OSError."""
    part = path.with_name(f".{path.name}.part")
    copied(path, part)
    image.rebase(part, below, "qcow2")
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)
