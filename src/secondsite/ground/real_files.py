"""Files in folders that others may have written into, as a store that was handed over: what is no file is
not read, nor more of one than can be meant. A pipe would be waited for without an end, and a device has
none. (`rescue` has its own, since it stands alone.)"""

import errno
import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from .units import MiB

MOST_BYTES: Final = 64 * MiB
"""Of what is read as a whole: a record of 20,000 points has some MiB."""

GENERATION: Final = 0x80087601
"""FS_IOC_GETVERSION of <linux/fs.h>: a number that the file system gives an inode anew when it is used for
another file."""


class FileNumber(NamedTuple):
    """Which file it is, as long as it lives. The number of its inode alone is not enough: ext4 gives that
    of a file that was removed to the next one at once. `generation` is None where the file system tells
    none (NFS, tmpfs), and in what former releases recorded."""

    inode: int
    generation: int | None

    def is_same(self, other: "FileNumber") -> bool:
        """As far as both say."""
        unsaid = None in (self.generation, other.generation)
        return self.inode == other.inode and (unsaid or self.generation == other.generation)


def file_number(path: Path | str) -> FileNumber | None:
    """Of the file, or the folder, that a path leads to now; None if there is none. A device has no
    generation. Never of a file on which this process has locks, as SQLite has on its own: whoever closes a
    file releases them all."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    if not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
        return FileNumber(seen.st_ino, None)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError:
        return FileNumber(seen.st_ino, None)
    try:
        return FileNumber(os.fstat(descriptor).st_ino, _generation(descriptor))
    finally:
        os.close(descriptor)


def file_id(descriptor: int) -> int:
    """An open file's number in 64 bits."""
    return id_of(FileNumber(os.fstat(descriptor).st_ino, _generation(descriptor)))


def id_of(number: FileNumber) -> int:
    return number.inode ^ (number.generation or 0) << 32


def _generation(descriptor: int) -> int | None:
    try:
        told = fcntl.ioctl(descriptor, GENERATION, bytes(8))
    except OSError:
        return None
    generation: int = struct.unpack("=I4x", told)[0]
    return generation


def opened(path: Path) -> BinaryIO:
    """To be read. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "It is a pipe, a device or a folder, and no file", str(path))
    return os.fdopen(descriptor, "rb")


def content(path: Path) -> bytes:
    """All of it. Raises OSError."""
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"It has more than {MOST_BYTES // MiB} MiB", str(path))
        return file.read()
