"""What files occupy on their file system, and what is free there, in bytes."""

from __future__ import annotations

import os
from pathlib import Path


def stored_bytes(path: Path) -> int:
    """Bytes that a file occupies; 0 if it is missing."""
    try:
        return path.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def free_bytes(path: Path) -> int:
    """Free bytes of the file system of a file or folder, which anybody may use. Raises OSError."""
    seen = os.statvfs(path)
    return seen.f_bavail * seen.f_frsize


def tree_bytes(folder: Path) -> int:
    """Bytes that the files of a folder occupy; files that vanish meanwhile are skipped."""
    return sum(stored_bytes(Path(place) / name) for place, _, names in os.walk(folder) for name in names)
