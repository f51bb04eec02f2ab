"""Remembers machines that left this host by live migration while their definition stayed: they run elsewhere,
although they look off here.

libvirt knows that such a machine was migrated only until it is restarted; then it is off like any other. If
the storage carries no locks nothing else tells, and beginning a bitmap in its image would damage what another
host writes. So it is recorded here until the machine runs here again: whoever starts it here confirms that it
runs nowhere else."""

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
"""Events after which the machine is here again, or is not defined here any more."""


class MigrationMarks:
    """The machines that were migrated away: one empty file for each. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._away = {path.name for path in folder.glob("*")}

    def is_away(self, fabric_id: str) -> bool:
        return fabric_id in self._away

    def heard(self, fabric_id: str, event: int, detail: int) -> None:
        """Note a life-cycle event of a machine, as libvirt numbers it. Called by the event loop's thread. If
        it cannot be written, libvirt is asked later."""
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
