"""Makes fresh plain images for scratch space, at the cost of a few written pages.

Each frozen view needs one for each disk. A program, or a job of QEMU, that makes it costs more than the
rest of the view's opening. Their clusters are of 64 KiB: QEMU saves what a guest overwrites in pieces of
that size."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ...ground.units import KiB
from ..files import store_error
from . import image

_PIECE_BYTES: Final = 4 * KiB
_ZEROS: Final = bytes(_PIECE_BYTES)

_Content = tuple[int, tuple[tuple[int, bytes], ...]]
"""A file's length, and its pieces that are not zeros."""


def create(path: Path, size_bytes: int) -> None:
    """Create an empty qcow2 file; an existing one is overwritten. Raises StoreFull, ImageProblem."""
    length, pieces = _content(size_bytes)
    try:
        with path.open("wb", buffering=0) as file:
            for offset, piece in pieces:
                os.pwrite(file.fileno(), piece, offset)
            file.truncate(length)
    except OSError as error:
        raise store_error(error, path) from error


@functools.lru_cache(maxsize=256)
def _content(size_bytes: int) -> _Content:
    with TemporaryDirectory(prefix="secondsite-") as folder:
        path = Path(folder) / "empty.qcow2"
        image.run("create", "-q", "-f", "qcow2", str(path), str(size_bytes), about=path)
        whole = path.read_bytes()
    parts = ((at, whole[at : at + _PIECE_BYTES]) for at in range(0, len(whole), _PIECE_BYTES))
    return len(whole), tuple((at, piece) for at, piece in parts if piece != _ZEROS[: len(piece)])
