"""Small files of a store, written durably, with errors of the data path."""

from __future__ import annotations

from pathlib import Path

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
