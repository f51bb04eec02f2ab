"""The sizes of network disks of machines that are off, as their servers told last. A server that is silent
must hold nobody up: after one silence no disk of it is asked about for a while."""

import time
from typing import Final

from ....datapath.disks import NetworkDisk
from ....domain import errors
from . import qemu_img

ANSWER_SECONDS: Final = 5.0
ANEW_SECONDS: Final = 60.0

_told: dict[str, int] = {}
_asked_at: dict[str, float] = {}
"""By what was asked: a disk that told its size, or the servers that did not."""


def last_known(disk: NetworkDisk) -> int | None:
    """The disk's size in bytes, at most a minute old unless its server is silent; None if it never told."""
    servers = ",".join(disk.servers)
    if not _is_recent(disk.identity) and not _is_recent(servers):
        _ask(disk, servers)
    return _told.get(disk.identity)


def _is_recent(asked: str) -> bool:
    return time.monotonic() < _asked_at.get(asked, float("-inf")) + ANEW_SECONDS


def _ask(disk: NetworkDisk, servers: str) -> None:
    _asked_at[disk.identity] = time.monotonic()
    try:
        _told[disk.identity] = qemu_img.facts(disk, deadline_seconds=ANSWER_SECONDS).size_bytes
    except errors.DeadlineExceeded:
        _asked_at[servers] = time.monotonic()
    except errors.FabricError:
        return
