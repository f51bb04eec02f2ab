"""Finds out whether a machine runs, what runs it, and whose disks that has.

Copies of one machine have one UUID: that of a protection that ended and that of the next lie in one store,
and libvirt has one definition for both. So a machine with the UUID may be the other copy.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import files, leasing
from ..problems import Problem
from ..store import Replica
from . import qemu
from .request import folder, uuid_of
from .virsh import Virsh

QEMU, SOMETHING = "qemu", "another program"
"""What may run a machine, besides libvirts, which are named by URI."""
UNSEEN_SECONDS, LOOK_AGAIN_SECONDS = 5.0, 0.5
"""How long a disk must be in use before it counts as used by an unknown program: on a busy host a libvirt was
silent for a moment."""
REPLICAS = "replicas"


def running(replica: Replica) -> str | None:
    """QEMU, the URI of the libvirt that runs it, or SOMETHING that writes its disks; None if nothing does.
    Raises Problem."""
    if replica.run is None:
        return None
    if qemu.pid(folder(replica)) is not None:
        return QEMU
    known, ends_at = uris(replica), time.monotonic() + UNSEEN_SECONDS
    while True:
        for uri in known:
            with contextlib.suppress(Problem):
                if _runs_it(replica, Virsh(uri)):
                    return uri
        if not leasing.in_use(replica):
            return None
        if not known or time.monotonic() > ends_at:
            return SOMETHING
        time.sleep(LOOK_AGAIN_SECONDS)


def _runs_it(replica: Replica, virsh: Virsh) -> bool:
    uuid = uuid_of(replica)
    return virsh.runs(uuid) and is_its_own(replica, virsh.disks(uuid) or [])


def uris(replica: Replica) -> list[str]:
    """The libvirts that may run it: the one that was used last, and that of its appliance."""
    try:
        used = files.content(_way_file(replica)).decode(errors="replace")
    except OSError:
        used = QEMU
    found = [each for each in (used, str(replica.start.get("uri") or QEMU)) if each != QEMU]
    return list(dict.fromkeys(found))


def remember(replica: Replica, way: str) -> None:
    """Record what runs the machine from now on; durable when it returns."""
    files.write(_way_file(replica), way.encode())


def _way_file(replica: Replica) -> Path:
    return replica.run_folder / leasing.WAY


# -- whose disks libvirt has ----------------------------------------------------------------------------


def is_its_own(replica: Replica, chains: Sequence[Sequence[Path]]) -> bool:
    """Whether disks are the replica's. `chains`: the files of each disk, top first. Of a chain the uppermost
    file counts that lies in any replica: below it may be an old disk, which another replica kept. The disks
    of a machine whose failover was committed may have been moved out of its replica."""
    owners = list(_owners(chains))
    if not owners:
        return replica.is_committed
    return any(_is_same(owner, replica.folder) for owner in owners)


def require_no_other(replica: Replica, uris: Sequence[str], define_at: str | None) -> None:
    """Raises Problem if one of these libvirts runs another copy of the machine. Also if it is to be defined,
    `define_at` one, where nothing but the definition that is there names that copy's disks. One that does not
    answer is passed over: plain QEMU is for that."""
    for uri in dict.fromkeys([*uris, *filter(None, [define_at])]):
        found = None
        with contextlib.suppress(Problem):
            found = _objection(replica, uri, to_define=uri == define_at)
        if found is not None:
            raise found


def _objection(replica: Replica, uri: str, *, to_define: bool) -> Problem | None:
    virsh, uuid = Virsh(uri), uuid_of(replica)
    chains = virsh.disks(uuid)
    if chains is None or is_its_own(replica, chains):
        return None
    named, by = (str(chains[0][0]) if chains else "no file"), f"virsh --connect {shlex.quote(uri)}"
    if virsh.runs(uuid):
        return Problem(
            f"Another copy of {replica.name} runs in libvirt ({uri}) already, on {named}.",
            "If that is the copy that you need, there is nothing to start. Else shut it down "
            f"('{by} shutdown {uuid}'), then repeat this.",
        )
    if to_define and any(_is_anothers(replica, chain[0]) for chain in chains):
        return Problem(
            f"Libvirt ({uri}) has {replica.name} on the disks of another copy, {named}, which nothing would "
            "name any more.",
            f"If that is the copy that you need: '{by} start {uuid}'. Else write down where its disks are, "
            f"take its definition out ('{by} undefine {uuid} --keep-nvram'; disks stay), and repeat this; or "
            "use plain QEMU: --qemu.",
        )
    return None


def others(replica: Replica, uris: Sequence[str]) -> Iterator[str]:
    """The end of a sentence for each of these libvirts that runs another copy of the machine."""
    for uri in uris:
        with contextlib.suppress(Problem):
            chains = Virsh(uri).disks(uuid_of(replica))
            if chains and not is_its_own(replica, chains) and Virsh(uri).runs(uuid_of(replica)):
                yield f"; what libvirt ({uri}) runs is another copy, on {chains[0][0]}"


def _is_anothers(replica: Replica, file: Path) -> bool:
    """Whether a file that exists lies in another replica, and is no old disk that this one stands on."""
    disks = replica.record.get("disks", ())
    old = {str(each.get("path")) for disk in disks for each in disk.get("base_files") or ()}
    owner = _owner(file)
    return (
        owner is not None and file.exists() and str(file) not in old and not _is_same(owner, replica.folder)
    )


def _owners(chains: Sequence[Sequence[Path]]) -> Iterator[Path]:
    for chain in chains:
        owner = next((owner for owner in map(_owner, chain) if owner is not None), None)
        if owner is not None:
            yield owner


def _owner(file: Path) -> Path | None:
    """The folder of the replica in which a file lies."""
    return next((each for each in file.parents if each.parent.name == REPLICAS), None)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
