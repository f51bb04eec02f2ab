"""What is known of each machine's marks: since which checkpoint QEMU counts, and for which disks.

QEMU keeps them in memory: a machine that was off has none, and then the plugin says so ('new')."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from pydantic import Field, ValidationError

from ....domain import errors
from ....ground import durable
from ....wire.common.base import Shape
from ....wire.common.numbers import Bytes

FOLDER_MODE = 0o700


class MarkRecord(Shape):
    """`checkpoint`: the one since which is counted, None if that is not certain. `sizes`: of its disks, by
    their keys. `task`: the backup that may still run."""

    checkpoint: str | None = Field(default=None, max_length=200)
    sizes: dict[str, Bytes] = Field(default_factory=dict)
    task: str = Field(default="", max_length=500)


class MarkRecords:
    """A file for each machine, which only this process writes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        self._folder, self._lock = folder, threading.Lock()

    def get(self, fabric_id: str) -> MarkRecord:
        """What cannot be read counts as nothing: then all is compared."""
        with self._lock:
            return self._read(self._path(fabric_id))

    def change(self, fabric_id: str, **values: object) -> MarkRecord:
        """Durable when it returns."""
        with self._lock:
            path = self._path(fabric_id)
            found = self._read(path)
            changed = found.model_copy(update=values)
            if changed != found:
                durable.write(path, changed.model_dump_json().encode())
            return changed

    def forget(self, fabric_id: str) -> None:
        with self._lock:
            durable.remove(self._path(fabric_id))

    def _read(self, path: Path) -> MarkRecord:
        try:
            return MarkRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return MarkRecord()

    def _path(self, fabric_id: str) -> Path:
        if not re.fullmatch(r"[0-9a-f-]{36}", fabric_id):
            raise errors.NotFound(f"'{fabric_id}' names no machine of Proxmox VE.")
        return self._folder / f"{fabric_id}.json"
