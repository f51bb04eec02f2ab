"""Files in folders that others may have written into, as a store that was handed over: what is no file is not read, nor more of one than can
be meant. A pipe would be waited for without an end, and a device has none. (`rescue` has its own, since it stands alone.)"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from .units import MiB

MOST_BYTES: Final = 64 * MiB
"""Of what is read as a whole: a record of 20,000 points has some MiB."""


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
