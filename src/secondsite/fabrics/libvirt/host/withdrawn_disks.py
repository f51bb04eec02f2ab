"""The disks of machines that were withdrawn here: nobody starts from them, though libvirt keeps no definition of the machine.

A replica stands on them. What somebody else starts from them, such as memory that was saved to a file, or a definition of
before, is a second copy, and damages each recovery point. The libvirt hook `start-veto` reads these files, so they lie
where every host has them. They hold patterns for `grep`, each of a disk's own source, not of one below it."""

import re
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

from ....ground import durable

FOLDER = Path("/var/lib/secondsite/start-veto")
QUOTES = {"'": "&apos;", '"': "&quot;"}
SPECIAL = re.compile(r"([][\\.*^$])")
"""What means something in a basic regular expression."""


def forbid(fabric_id: str, paths: Iterable[str]) -> None:
    """From now on the hook refuses each machine that has one of these disks. Raises OSError."""
    patterns = "".join(f"{pattern(path)}\n" for path in paths)
    if patterns and _read(FOLDER / fabric_id) != patterns:
        FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        durable.write(FOLDER / fabric_id, patterns, mode=0o644)


def allow(fabric_id: str) -> None:
    """The machine is defined here again, or nothing stands on its disks any more; harmless when repeated."""
    if (FOLDER / fabric_id).exists():
        durable.remove(FOLDER / fabric_id)


def pattern(path: str) -> str:
    """What matches the line of libvirt's XML that names this file or device as a disk's own: below another it is indented
    more."""
    written = SPECIAL.sub(r"\\\1", escape(path, QUOTES))
    return rf"^ \{{4,6\}}<source [a-z]*='{written}'"


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
