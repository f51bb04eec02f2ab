"""The disks of machines that were withdrawn here: nobody starts from them, though libvirt keeps no definition
of the machine.

A replica stands on them, or they are its machine as it was. What somebody else starts from them, such as
memory that was saved to a file, or a definition of before, is a second copy. The libvirt hook `start-veto`
reads these files, so they lie where every host has them: a file for each machine, with the path of a disk
on each line. The hook compares the files that paths lead to, so that another path to one is no way around."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ....domain import errors
from ....ground import durable

FOLDER = Path("/var/lib/secondsite/start-veto")
NEWLINE = "\x01"
"""In place of one, which ends a line here; in no path that XML can have."""


def forbid(fabric_id: str, paths: Iterable[str]) -> None:
    """From now on the hook refuses each machine that has one of these disks, and writes to it."""
    listed = "".join(f"{path.replace(chr(10), NEWLINE)}\n" for path in paths).encode(errors="surrogateescape")
    with _told_as_ours():
        if listed and _read(FOLDER / fabric_id) != listed:
            durable.write(FOLDER / fabric_id, listed, mode=0o644)


def allow(fabric_id: str) -> None:
    """The machine is defined here again, or nothing stands on its disks any more; harmless when repeated."""
    with _told_as_ours():
        if (FOLDER / fabric_id).exists():
            durable.remove(FOLDER / fabric_id)


@contextlib.contextmanager
def _told_as_ours() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise errors.FabricError(
            f"What libvirt's hook reads in {FOLDER} cannot be written: {problem.strerror}.",
            do="Give the appliance the right and the room to write there; then retry the job.",
        ) from problem


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
