"""Small files of a store, written durably, with errors of the data path."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

from ..ground import durable, full_disk
from . import errors


def write_durably(path: Path, data: bytes) -> None:
    """Replace the content of `path` by `data`, durably and in one step: a power cut leaves the old or the new.

    Raises StoreFull or ImageProblem.
    """
    try:
        durable.write(path, data)
    except OSError as error:
        raise store_error(error, path) from error


def store_error(error: OSError, path: Path) -> errors.DatapathError:
    """An OSError on our own store, as an error of the data path."""
    if full_disk.is_full(error):
        return full_disk.store_full(f"No space left to write {path}.")
    return errors.ImageProblem(
        f"{path} could not be written: {error.strerror or error}.",
        do="Check the store's file system (mounted, writable, healthy), then repeat.",
    )


def unshare(path: Path) -> None:
    """Before a file is written in place: if another name leads to it too, this name gets a copy of its own. Raises StoreFull or
    ImageProblem."""
    try:
        if path.stat().st_nlink > 1:
            with path.open("rb") as source, durable.replacing(path, path.stat().st_mode & 0o777) as target:
                _copy_data(source, target)
    except OSError as error:
        raise store_error(error, path) from error


def _copy_data(source: BinaryIO, target: BinaryIO) -> None:
    """Holes stay holes; where the file system can, nothing is copied at all."""
    size, at = os.fstat(source.fileno()).st_size, 0
    os.truncate(target.fileno(), size)
    while at < size:
        try:
            begin = os.lseek(source.fileno(), at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        at = os.lseek(source.fileno(), begin, os.SEEK_HOLE)
        while begin < at:
            begin += os.copy_file_range(source.fileno(), target.fileno(), at - begin, begin, begin)
