"""Small files of a store, written durably, with errors of the data path."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO, Final

from ..ground import durable, full_disk
from . import errors

_NO_SECOND_NAME: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def write_durably(path: Path, data: bytes) -> None:
    """Replace the content of `path` by `data`, durably and in one step: a power cut leaves the old or the
    new.

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


def second_name(path: Path, other: Path) -> None:
    """Make `other` a hard link to the file, or a copy if the file system allows no (further) hard link.
    Raises OSError."""
    try:
        os.link(path, other)
    except OSError as error:
        if error.errno not in _NO_SECOND_NAME:
            raise
        copied(path, other)


def unshare(path: Path) -> None:
    """Give this name a copy of its own if another name leads to the same file; call it before the file is
    written in place. Raises StoreFull or ImageProblem."""
    try:
        if path.stat().st_nlink > 1:
            copied(path, path)
    except OSError as error:
        raise store_error(error, path) from error


def copied(path: Path, other: Path) -> None:
    """Make `other` a copy of the file. Raises OSError."""
    with path.open("rb") as source, durable.replacing(other, path.stat().st_mode & 0o777) as target:
        _copy_data(source, target)


def _copy_data(source: BinaryIO, target: BinaryIO) -> None:
    """Copy the data of a file. Holes stay holes; if the file system can share data, nothing is copied."""
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
