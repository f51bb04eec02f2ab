"""Files that are there as a whole or not at all."""

import os
from pathlib import Path


def write_durably(path: Path, text: str, mode: int) -> None:
    """Write beside, fsync, rename, fsync the directory; the file never has more than `mode`."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
