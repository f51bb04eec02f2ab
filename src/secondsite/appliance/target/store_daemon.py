"""The storage daemon of an appliance, through which all its replicas are written, in whatever store they are.

Its sockets are not in a store: it must start even when that is full or read-only."""

from pathlib import Path

from ...datapath.disks import StorageDaemon
from ...ground.processes import run_folder

FORMER = "daemon"
"""The folder in the store that held the sockets in former releases."""


def daemon_of(store: Path) -> StorageDaemon:
    """The storage daemon of the appliance with this default store, with the same sockets whoever asks. Its
    `start` ends one that still runs."""
    return StorageDaemon(run_folder.of(store / FORMER))


def end_left_over(store: Path) -> None:
    """End a daemon that outlived a killed appliance, also one of a former release: it still has the disks
    open. Raises StorageDaemonGone if it cannot be killed."""
    for daemon in (StorageDaemon(store / FORMER), daemon_of(store)):
        daemon.end_left_over()
