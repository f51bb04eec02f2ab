"""Recognizes a full file system, reports it, and tries again after somebody freed space."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import BinaryIO, Final

from .problem import StoreFull

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_TOO_LARGE: Final = {errno.EFBIG}
_WORDS: Final = ("No space left on device", "No space left in the file header", "Disk quota exceeded")
"""Messages about a full file system. qemu-img reports it as a full header when it writes a backing file's
name."""

FreeSpace = Callable[[], bool]
"""Called when a file system is full; True if it freed something, so that another try may succeed."""


def nothing_to_free() -> bool:
    """For callers that have nothing to delete."""
    return False


def is_full(error: OSError) -> bool:
    """Whether the file system, or its quota, is used up."""
    return error.errno in _FULL


def takes_no_more(error: OSError) -> bool:
    """Whether the file cannot grow: the file system is full, or the file is as large as one may be."""
    return error.errno in _FULL | _TOO_LARGE


def is_said_in(text: str) -> bool:
    """Whether another program reports that its file system is full."""
    return any(words in text for words in _WORDS)


def store_full(what: str) -> StoreFull:
    """The error for a full store; `what` says what did not fit."""
    return StoreFull(
        what,
        do=(
            "Free space on the store's file system, then repeat: 'secondsite appliance trash list' at this "
            "host shows what is kept of removed replicas."
        ),
    )


def write(file: BinaryIO, data: memoryview, free_space: FreeSpace) -> int:
    """Write some of `data` to an unbuffered file; returns how many bytes. Raises OSError once no space can be
    freed."""
    while True:
        try:
            return file.write(data)
        except OSError as problem:
            if not is_full(problem) or not free_space():
                raise
