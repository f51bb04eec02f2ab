"""What is mounted where, as the kernel tells it (proc_pid_mountinfo(5))."""

import re
from pathlib import Path

ESCAPED = re.compile(r"\\([0-7]{3})")


def place(path: Path, table: str) -> tuple[str, Path]:
    """Where a path without links lies: the device of its file system, and the path within that. Two tables
    that give the same place mean the same file. ("", path) if the table has no mount above it."""
    above = [each for each in map(_row, table.splitlines()) if path.is_relative_to(each[2])]
    if not above:
        return "", path
    deepest = max(len(mounted.parts) for _, _, mounted in above)
    # Of two mounts at one place the later one covers the other.
    device, root, mounted = next(each for each in reversed(above) if len(each[2].parts) == deepest)
    return device, root / path.relative_to(mounted)


def _row(line: str) -> tuple[str, Path, Path]:
    """Device, root within it, and where that is mounted."""
    _, _, device, root, mounted, *_ = line.split(" ")
    return device, Path(_plain(root)), Path(_plain(mounted))


def _plain(name: str) -> str:
    return ESCAPED.sub(lambda found: chr(int(found[1], 8)), name)
