"""A full file system: what counts as one, and another try after somebody made room."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import BinaryIO, Final

FULL: Final = {errno.ENOSPC, errno.EDQUOT}
NO_ROOM: Final = {*FULL, errno.EFBIG}

MakeRoom = Callable[[], bool]
"""Asked when a file system is full; True if something went, so that it is worth another try."""


def nothing_to_give() -> bool:
    """Nothing that could go."""
    return False


def write(file: BinaryIO, data: memoryview, make_room: MakeRoom) -> int:
    """Write some of `data` to an unbuffered file; gives how many bytes. Raises OSError once no room can be made."""
    while True:
        try:
            return file.write(data)
        except OSError as problem:
            if problem.errno not in FULL or not make_room():
                raise
