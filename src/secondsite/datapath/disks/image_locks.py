"""Finds out whether somebody writes to an image, by QEMU's locks on the file.

QEMU marks what it does with an image by locks on single bytes of the file, which hold on this host and,
where the file system carries them, on others. Asking takes no lock and opens no image."""

import fcntl
import os
import struct
from pathlib import Path

WRITERS_BYTE = 101
"""Locked by every QEMU process that may write: the base of the permissions (100), and the bit of writing
(1)."""
_GET_LOCK = 36  # F_OFD_GETLK, which Python 3.11 does not name
_LOCK = struct.Struct("hhqqi4x")


def is_written(path: Path) -> bool:
    """Whether a process, here or elsewhere, has the image open for writing; False if that cannot be found
    out."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        asked = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, WRITERS_BYTE, 1, 0)
        found = fcntl.fcntl(file, _GET_LOCK, asked)
        return bool(_LOCK.unpack(found)[0] != fcntl.F_UNLCK)
    except OSError:
        return False
    finally:
        os.close(file)
