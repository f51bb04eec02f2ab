"""What files occupy on their file system, and what is free there, in bytes."""

from __future__ import annotations

import os
from pathlib import Path


def stored_bytes(path: Path) -> int:
    """What a file occupies; 0 when it is not there."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def free_bytes(path: Path) -> int:
    """What anybody may still take of the file system of a file or folder. Raises OSError."""
    seen = os.statvfs(path)
    return seen.f_bavail * seen.f_frsize


def tree_bytes(folder: Path) -> int:
    """What a folder's files occupy; those that vanish meanwhile do not count."""
    return sum(stored_bytes(Path(place) / name) for place, _, names in os.walk(folder) for name in names)
