"""Finds out whether a machine runs, and what runs it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from .. import files, leasing
from ..problems import Problem
from ..store import Replica
from . import owning, qemu
from .request import folder, uuid_of
from .virsh import Virsh

QEMU, SOMETHING = "qemu", "another program"
"""What may run a machine, besides libvirts, which are named by URI."""
UNSEEN_SECONDS, LOOK_AGAIN_SECONDS = 5.0, 0.5
"""How long a disk must be in use before it counts as used by an unknown program: on a busy host a libvirt was
silent for a moment."""


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
    return virsh.runs(uuid) and owning.is_its_own(replica, virsh.disks(uuid) or [])


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
