"""Small files that are there whole or not at all, whenever the power fails."""

import os
from pathlib import Path


def write(path: Path, text: str) -> None:
    """On return the text is on disk under its name; the folder is made when it is missing, for this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".fresh")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
