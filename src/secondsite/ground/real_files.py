"""Files in folders that others may have written into, as a store that was handed over: what is no file is not read, nor more of one than can
be meant. A pipe would be waited for without an end, and a device has none. (`rescue` has its own, since it stands alone.)"""

import errno
import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO, Final

from .units import MiB

MOST_BYTES: Final = 64 * MiB
"""Of what is read as a whole: a record of 20,000 points has some MiB."""

GENERATION: Final = 0x80087601
"""FS_IOC_GETVERSION of <linux/fs.h>: a number that the file system gives an inode anew when it is used for another file."""


def file_id(descriptor: int) -> int:
    """Which file it is, in 64 bits, as long as it lives. The number of an inode alone is not enough: ext4 gives that of a file that
    was removed to the next one at once, so a file that was put back passed for the one that it replaced. Where the file system
    tells no generation (NFS, tmpfs), it is the number alone."""
    number = os.fstat(descriptor).st_ino
    try:
        told = fcntl.ioctl(descriptor, GENERATION, bytes(8))
    except OSError:
        return number
    generation: int = struct.unpack("=I4x", told)[0]
    return number ^ generation << 32


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
