"""Machines that left this host by live migration, and whose definition stayed: they live elsewhere, whatever
they look like.

libvirt knows that such a machine was migrated only until it is restarted; then it is off like any other.
Where the storage carries no locks nothing else tells, and a bitmap that is begun in its image damages what
another host writes. So it is written down here, until the machine runs here again: a person who starts it
says that it lives nowhere else."""

import contextlib
import threading
from pathlib import Path

import libvirt

from ....ground import durable

AT_HOME = (
    libvirt.VIR_DOMAIN_EVENT_STARTED,
    libvirt.VIR_DOMAIN_EVENT_RESUMED,
    libvirt.VIR_DOMAIN_EVENT_UNDEFINED,
)
"""Events after which the machine is here, or not even defined here."""


class MigrationMarks:
    """One empty file for each such machine. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._away = {path.name for path in folder.glob("*")}

    def is_away(self, fabric_id: str) -> bool:
        return fabric_id in self._away

    def heard(self, fabric_id: str, event: int, detail: int) -> None:
        """An event of the machine's life, as libvirt numbers it. Called by the thread that turns the event
        loop: what cannot be written is asked for again."""
        with contextlib.suppress(OSError):
            if (event, detail) == (
                libvirt.VIR_DOMAIN_EVENT_STOPPED,
                libvirt.VIR_DOMAIN_EVENT_STOPPED_MIGRATED,
            ):
                self.left(fabric_id)
            elif event in AT_HOME:
                self.returned(fabric_id)

    def left(self, fabric_id: str) -> None:
        with self._lock:
            if fabric_id not in self._away:
                self._folder.mkdir(parents=True, exist_ok=True)
                durable.write(self._folder / fabric_id, "")
                self._away.add(fabric_id)

    def returned(self, fabric_id: str) -> None:
        with self._lock:
            if fabric_id in self._away:
                (self._folder / fabric_id).unlink(missing_ok=True)
                durable.sync_folder(self._folder)
                self._away.discard(fabric_id)
