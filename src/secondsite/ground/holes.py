"""Sparse files: which parts of a file are stored, and how a part becomes a hole again.

A file that stands for a large disk must cost what the disk holds: whoever walks its whole length, or
writes zeros to it, makes it as large as the disk could ever need."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from .units import KiB, MiB

PUNCHED_BYTES: Final = 128 * KiB
"""The shortest range that is made a hole; a shorter one is overwritten with zeros."""
_ZEROS: Final = bytes(MiB)
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # the FALLOC_FL_... of linux/falloc.h


def stored(file: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each part of the range that may hold other bytes than zeros; a file system without
    holes names all of it. Raises OSError."""
    at = start
    while at < end:
        try:
            begin = os.lseek(file, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            raise
        if begin >= end:
            return
        at = min(os.lseek(file, begin, os.SEEK_HOLE), end)
        yield begin, at


def zero(file: int, start: int, end: int) -> None:
    """Make the range read as zeros; the file keeps its length, and what is a hole stays one. Raises
    OSError."""
    for begin, stop in list(stored(file, start, end)):
        if stop - begin < PUNCHED_BYTES or not _punch(file, begin, stop):
            write_all(file, begin, stop)


def write_all(file: int, start: int, end: int) -> None:
    """Write zeros over the whole range. Raises OSError."""
    while start < end:
        start += os.pwrite(file, memoryview(_ZEROS)[: end - start], start)


def _punch(file: int, start: int, end: int) -> bool:
    """Make the range a hole; False if the file system has no holes. Raises OSError."""
    if _fallocate()(file, _KEEP_SIZE | _PUNCH_HOLE, start, end - start) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EOPNOTSUPP, errno.ENOSYS):
        return False
    raise OSError(number, os.strerror(number))


@functools.cache
def _fallocate() -> Callable[..., Any]:
    called = ctypes.CDLL(None, use_errno=True).fallocate
    called.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_longlong, ctypes.c_longlong)
    return called
