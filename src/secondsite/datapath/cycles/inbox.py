"""The inbox of a replica: a folder with the files of complete cycles, and parts of those that are under way.

Names sort by number, not by text: use `scan`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"(\d+)-(\d+)\.cycle")


def path_of(inbox_dir: Path, epoch: int, seq: int) -> Path:
    """The path of a complete cycle."""
    return inbox_dir / f"{epoch}-{seq}.cycle"


def scan(inbox_dir: Path) -> list[tuple[int, int, Path]]:
    """(epoch, seq, path) of the complete cycles, oldest first; nothing if there is no such folder."""
    try:
        names = os.listdir(
            inbox_dir
        )  # not its paths: this is asked of a thousand replicas every second, and most have none
    except (FileNotFoundError, NotADirectoryError):
        return []
    named = (_NAME.fullmatch(name) for name in names)
    return sorted((int(m[1]), int(m[2]), inbox_dir / m[0]) for m in named if m)


def clear_parts(inbox_dir: Path) -> int:
    """Remove what broken transfers left; call it when nothing is being received. Returns how many there
    were."""
    parts = list(inbox_dir.glob(".*.part")) if inbox_dir.is_dir() else []
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def stored_bytes(inbox_dir: Path) -> int:
    """Bytes of all files in the inbox, complete or under way."""
    return sum(_size(path) for path in inbox_dir.iterdir())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it was applied, or given up, since it was listed
        return 0
