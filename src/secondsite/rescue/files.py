"""Files that survive a power cut, and notice their damage."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .problems import Problem

MOST_BYTES = 64 << 20
"""The largest file that is read as a whole: a record of 20,000 points has some MiB."""
GENERATION = 0x80087601
"""FS_IOC_GETVERSION of <linux/fs.h>."""
LOCK = "appliance.lock"
"""The lock file that whoever changes a store has locked, appliances too."""


def trusted(path: Path) -> dict[str, Any]:
    """The JSON object in a file, if its `sha256` is that of the rest; raises OSError, ValueError."""
    body = json.loads(content(path))
    if not isinstance(body, dict):
        raise ValueError("it is no object")
    stated = body.pop("sha256", None)
    if stated is not None and stated != _digest(body):
        raise ValueError("its sha256 does not match: the file is damaged")
    return body


def number(folder: Path) -> tuple[int, int | None]:
    """The inode number of a folder, and its generation, if the file system has one. Raises OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    except PermissionError:
        return folder.stat().st_ino, None
    try:
        with contextlib.suppress(OSError):
            told = fcntl.ioctl(descriptor, GENERATION, bytes(8))
            return os.fstat(descriptor).st_ino, int.from_bytes(told[:4], sys.byteorder)
        return os.fstat(descriptor).st_ino, None
    finally:
        os.close(descriptor)


def content(path: Path) -> bytes:
    """The content of a file that others may have put there: only of a plain file, and only up to a limit.
    Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "It is a pipe, a device or a folder, and no file", str(path))
        if found.st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"It has more than {MOST_BYTES >> 20} MiB", str(path))
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()
    finally:
        os.close(descriptor)


def signed(body: dict[str, Any]) -> bytes:
    """The object as JSON, with its own SHA-256."""
    return (
        json.dumps({**body, "sha256": _digest(body)}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    )


def write(path: Path, content: bytes) -> None:
    """Put a file in place as a whole; durable when it returns."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(part, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def append(path: Path, line: str) -> None:
    """Add a line; durable when it returns."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    flags |= os.O_NONBLOCK  # a pipe is not waited for
    with os.fdopen(os.open(path, flags, 0o666), "a", encoding="utf-8") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(stores: Iterable[Path]) -> Iterator[None]:
    """Lock these stores inside the context, except those that nobody can write to; raises Problem while an
    appliance, or another rescue, has one."""
    with contextlib.ExitStack() as locked:
        for store in stores:
            descriptor = _locked(store)
            if descriptor is not None:
                locked.callback(os.close, descriptor)
        yield


@contextlib.contextmanager
def unless_locked(path: Path) -> Iterator[bool]:
    """Yields false if another process has a file locked; else nobody gets it inside the context. True if
    there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield True
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _locked(store: Path) -> int | None:
    """The descriptor that holds the lock; None for a store on a file system that is read-only: machines in it
    cannot be started, those in other stores can."""
    try:
        descriptor = os.open(store / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno == errno.EROFS:
            return None
        raise Problem(
            f"The store {store} cannot be written: {error.strerror}.", "Run this as root."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Problem(
            f"An appliance works in {store}, or another rescue does.",
            (
                "If a vault is there, fail over with it. If none is, stop the appliance first: 'systemctl "
                "stop secondsite-appliance'."
            ),
        ) from None
    return descriptor


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
