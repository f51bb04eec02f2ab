"""Offers the disks of a recovery point to whoever reads them as a machine would."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...digests import scan
from ..core import ReplicaCore
from ..record import base_files
from . import verify


@dataclass(frozen=True, slots=True)
class View:
    """The exports of a point's disks at the daemon's socket, by disk key, to be read. `is_over`: who reads is
    to stop, as the point is removed."""

    socket: Path
    exports: dict[str, str]
    is_over: Callable[[], bool]


@contextlib.contextmanager
def view(core: ReplicaCore, point_id: str) -> Iterator[View]:
    """Inside, the disks of the point are offered, and stay as they are; cycles go on meanwhile. Whether they
    are what was sealed is not looked at. Raises PointUnknown, QmpRefused, StorageDaemonGone, OldDiskAway."""
    with verify.held(core, point_id) as (state, top), contextlib.ExitStack() as opened:
        base_files.require_there(state)
        exports = {}
        for disk in core.manifest_of(point_id).disks:
            name = f"l{secrets.token_hex(5)}"
            opened.enter_context(verify.exported(core, state, top, disk.key, name))
            exports[disk.key] = name
        yield View(core.daemon.nbd_socket, exports, verify.until_settled(core, state, scan.never))
