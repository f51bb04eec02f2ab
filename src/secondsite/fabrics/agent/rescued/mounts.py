"""What a storage daemon that died leaves mounted: it answers nothing, and is in the way of the next one."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
DETACH = 2
"""MNT_DETACH of <sys/mount.h>."""


def is_mounted(path: Path) -> bool:
    """Whether something is mounted just there. It is not asked itself: a dead one answers nothing."""
    wanted = _escaped(str(path))
    return any(line.split()[1:2] == [wanted] for line in MOUNTS.read_text().splitlines())


def clear(path: Path) -> None:
    """Unmount whatever is there, and remove the file below it; harmless if there is neither. Raises
    OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    while is_mounted(path):
        if libc.umount2(os.fsencode(path), DETACH) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    path.unlink(missing_ok=True)


def _escaped(path: str) -> str:
    """As the kernel writes it."""
    for character in "\\ \t\n":
        path = path.replace(character, f"\\{ord(character):03o}")
    return path
