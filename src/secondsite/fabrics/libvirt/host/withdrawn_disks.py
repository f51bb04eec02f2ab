"""The disks of machines that were withdrawn here: nobody starts from them, though libvirt keeps no definition of the machine.

A replica stands on them. What somebody else starts from them, such as memory that was saved to a file, or a definition of
before, is a second copy, and damages each recovery point. The libvirt hook `start-veto` reads these files, so they lie
where every host has them. They hold patterns for `grep`, each of a disk's own source, not of one below it."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from ....domain import errors
from ....ground import durable

FOLDER = Path("/var/lib/secondsite/start-veto")
QUOTES = {"'": "&apos;", '"': "&quot;"}
SPECIAL = re.compile(r"([][\\.*^$])")
"""What means something in a basic regular expression."""


def forbid(fabric_id: str, paths: Iterable[str]) -> None:
    """From now on the hook refuses each machine that has one of these disks."""
    patterns = "".join(f"{pattern(path)}\n" for path in paths)
    with _told_as_ours():
        if patterns and _read(FOLDER / fabric_id) != patterns:
            durable.write(FOLDER / fabric_id, patterns, mode=0o644)


def allow(fabric_id: str) -> None:
    """The machine is defined here again, or nothing stands on its disks any more; harmless when repeated."""
    with _told_as_ours():
        if (FOLDER / fabric_id).exists():
            durable.remove(FOLDER / fabric_id)


def pattern(path: str) -> str:
    """What matches the line of libvirt's XML that names this file or device as a disk's own: below another it is indented
    more."""
    written = SPECIAL.sub(r"\\\1", escape(path, QUOTES))
    return rf"^ \{{4,6\}}<source [a-z]*='{written}'"


@contextlib.contextmanager
def _told_as_ours() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise errors.FabricError(
            f"What libvirt's hook reads in {FOLDER} cannot be written: {problem.strerror}.",
            do="Give the appliance the right and the room to write there; then retry the job.",
        ) from problem


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
