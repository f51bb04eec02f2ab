"""The storage daemon of an appliance, through which all its replicas are written, in whatever store they are.

Its sockets are not in a store: it must start when that is full, or can only be read."""

from pathlib import Path

from ...datapath.disks import StorageDaemon
from ...ground.processes import run_folder

FORMER = "daemon"
"""The folder in the store where they were in former releases."""


def daemon_of(store: Path) -> StorageDaemon:
    """Of the appliance with this default store: the same for whoever asks. Its `start` ends one that
    lives."""
    return StorageDaemon(run_folder.of(store / FORMER))


def end_left_over(store: Path) -> None:
    """End a daemon that outlived a killed appliance, also one of a former release: it still has the disks
    open. Raises StorageDaemonGone for one that cannot be killed."""
    for daemon in (StorageDaemon(store / FORMER), daemon_of(store)):
        daemon.end_left_over()
