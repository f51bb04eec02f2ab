"""Files that are whole or absent after a power cut: the one home of fsync and of the rename that follows
it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def write(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replace `path` by `data`, text as UTF-8; the folder is made if it is missing.

    On return the new content survives a power cut; until then the old content does. The file never has more
    rights than `mode`. Raises OSError, and leaves nothing half-written behind.
    """
    with replacing(path, mode) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def replace(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """As `write`, without waiting for the disk: after a power cut there may be the old content, the new,
    or none that is whole."""
    with replacing(path, mode, flush=False) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def remove(path: Path) -> None:
    """Remove a file, if it is there; it does not come back after a power cut."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o600, *, flush: bool = True) -> Iterator[BinaryIO]:
    """As `write`, for content that comes in pieces: what is written within the block replaces `path` at
    its end. An error inside leaves the old content. Without `flush` as `replace`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with _removed_on_error(part):
        with _new(part, mode) as file:
            yield file
            if flush:
                sync(file)
        part.replace(path)
        if flush:
            sync_folder(path.parent)


def write_new(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Make a new file in an existing folder; durable on return. Raises FileExistsError if it exists, even
    if it appeared meanwhile, and OSError."""
    with making(path, mode) as file:
        file.write(data)


@contextlib.contextmanager
def making(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """As `write_new`, for content that comes in pieces: it gets its name at the block's end. An error inside
    leaves nothing."""
    part = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}")
    try:
        with _new(part, mode) as file:
            yield file
            sync(file)
        os.link(part, path)  # unlike a rename it replaces nothing
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _new(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb")


@contextlib.contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def sync(file: BinaryIO) -> None:
    """Make the content of an open file durable, with its length and times; raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def sync_data(descriptor: int) -> None:
    """Make the content of an open file durable, without its times, which is cheaper; raises OSError."""
    os.fdatasync(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of `path` durable; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in `path` durable; raises OSError."""
    sync_file(path)


def forget_cached(path: Path) -> None:
    """Have the next read of `path` come from the disk: the page cache may be whole while the disk is not."""
    with contextlib.suppress(OSError):
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(opened)


def inode(path: Path | str) -> int | None:
    """The inode number of the file that a path leads to now: a new file of the same name has another one.
    None if there is no file."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None
