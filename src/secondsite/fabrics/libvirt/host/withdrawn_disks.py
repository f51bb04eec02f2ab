"""Forbids starts from the disks of machines that were withdrawn here, although libvirt keeps no definition of
them.

A replica stands on them, or they are its machine as it was. Anything that is started from them, such as
memory saved to a file, or an old definition, is a second copy. The libvirt hook `start-veto` reads these
files, so they are in the same place on every host: a file for each machine, with the path of a disk on each
line. The hook compares the files that paths lead to, so that another path to one is no way around.

A machine that came home stands on them with overlays until its failback is committed. Its owner defined it
anew from a file of the definition: it was started on its old disks, back in time, and wrote into the files
below the overlays that had the newest data.

Where hosts share a store, a host that comes back has definitions of machines whose replicas another host took
over: the hook refuses these, too, by what the replica's folder says of its owner. It knows this host's
appliances by the files in `APPLIANCES`."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ....datapath.disks import NetworkDisk
from ....domain import errors
from ....ground import durable

FOLDER = Path("/var/lib/secondsite/start-veto")
APPLIANCES = Path("/var/lib/secondsite/start-veto-appliances")
NEWLINE = "\x01"
"""Stands for a newline in a path, which would end the line; it cannot occur in XML."""
OVERLAYS = "+"
"""Begins the line of the folder of overlays."""


def forbid(fabric_id: str, paths: Iterable[str], overlays: Path | None = None) -> None:
    """From now on the hook refuses every machine that has one of these disks and can write to it.
    `overlays`: the folder of the disks that the machine itself has above them, since it came home."""
    lines = [*map(known_as, paths), *([] if overlays is None else [f"{OVERLAYS}{overlays}/"])]
    listed = "".join(f"{line.replace(chr(10), NEWLINE)}\n" for line in lines).encode(errors="surrogateescape")
    with _told_as_ours():
        if lines and _read(FOLDER / fabric_id) != listed:
            durable.write(FOLDER / fabric_id, listed, mode=0o644)


def allow(fabric_id: str) -> None:
    """End that: the machine is defined here again, or nothing stands on its disks any more; harmless when
    repeated."""
    with _told_as_ours():
        if (FOLDER / fabric_id).exists():
            durable.remove(FOLDER / fabric_id)


def all_paths() -> Iterator[tuple[str, str]]:
    """The disks of all these machines, as `known_as` says, each with the machine's id."""
    for file in sorted(FOLDER.glob("*")):
        for line in os.fsdecode(_read(file) or b"").splitlines():
            if not line.startswith(OVERLAYS):
                yield line.replace(NEWLINE, "\n"), file.name


def add_appliance(appliance_id: str) -> None:
    """From now on the hook knows that this appliance is of this host; harmless when repeated."""
    with _told_as_ours(APPLIANCES):
        if not (APPLIANCES / appliance_id).exists():
            durable.write(APPLIANCES / appliance_id, b"", mode=0o644)


def known_as(path: str) -> str:
    """What stands for a disk in these files. A network disk is reached by one server or another, and the hook
    knows it by its name."""
    remote = NetworkDisk.parse(path)
    return path if remote is None else remote.identity


@contextlib.contextmanager
def _told_as_ours(folder: Path | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise errors.FabricError(
            f"What libvirt's hook reads in {folder or FOLDER} cannot be written: {problem.strerror}.",
            do="Give the appliance the right and the space to write there; then retry the job.",
        ) from problem


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
