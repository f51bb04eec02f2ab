"""The guest of a simulated machine: anyone who writes to its disks over NBD, from any process.

A guest waits while the fabric pauses it. It has no disk once the machine is off.
"""

from __future__ import annotations

import contextlib
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import nbd

from ....domain import errors
from ...interface import PowerState
from ..host import disks, pausing
from ..host.host import Host

RECORD_BYTES = 512
_RECORD = struct.Struct("<4sQdI")
_MARK = b"2SIT"


class Guest:
    """The disks of a machine as its guest sees them. One thread at a time uses a guest."""

    def __init__(self, root: Path, fabric_id: str) -> None:
        self._host = Host(root)
        self.fabric_id = fabric_id
        self._open: dict[str, nbd.NBD] = {}

    def __enter__(self) -> Guest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(disk.key for disk in self._host.records.need(self.fabric_id).definition.disks)

    @property
    def boot(self) -> str | None:
        """The id of the start since which the machine has been running; None if it is off."""
        record = self._host.records.get(self.fabric_id)
        return record.boot if record and self._host.state(record) is PowerState.RUNNING else None

    def size_bytes(self, key: str) -> int:
        return int(self._disk(key).get_size())

    def write(self, key: str, offset: int, data: bytes, wait_seconds: float = pausing.GUEST_SECONDS) -> None:
        """Write; waits while the guest is paused, at most `wait_seconds`. Raises FabricError when the
        machine is off."""
        with pausing.moving(self._host.root, self.fabric_id, wait_seconds):
            self._do(key, lambda disk: disk.pwrite(data, offset))

    def read(self, key: str, offset: int, length: int) -> bytes:
        found = bytearray()
        self._do(key, lambda disk: found.extend(disk.pread(length, offset)))
        return bytes(found)

    def trim(self, key: str, offset: int, length: int) -> None:
        """Discard; the blocks then read as zeros."""
        with pausing.moving(self._host.root, self.fabric_id):
            self._do(key, lambda disk: disk.zero(length, offset))

    def flush(self, key: str) -> None:
        self._do(key, lambda disk: disk.flush())

    def record(self, number: int, key: str | None = None, offset: int = 0) -> None:
        """Put record `number` in its own sector after `offset`, and flush: like a line of a database's
        journal."""
        key = key or self.keys[0]
        self.write(key, offset + number * RECORD_BYTES, _record(number))
        self.flush(key)

    def close(self) -> None:
        for disk in self._open.values():
            with contextlib.suppress(nbd.Error):
                disk.shutdown()
        self._open.clear()

    def _do(self, key: str, act: Callable[[nbd.NBD], object]) -> None:
        try:
            act(self._disk(key))
        except nbd.Error as error:
            self._open.pop(key, None)
            raise self._failed(key, error) from error

    def _disk(self, key: str) -> nbd.NBD:
        if key not in self._open:
            record = self._host.records.need(self.fabric_id)
            if self._host.state(record) is not PowerState.RUNNING:
                raise errors.FabricError(
                    f"Machine '{record.definition.name}' is off.", do="Start the machine."
                )
            self._open[key] = self._connected(key, self._host.daemon(record).nbd_socket)
        return self._open[key]

    def _connected(self, key: str, path: Path) -> nbd.NBD:
        """Connect; the machine may go off meanwhile, and libnbd then raises anything, such as EINVAL."""
        disk = nbd.NBD()
        disk.set_export_name(disks.guest_export(self.fabric_id, key))
        try:
            disk.connect_unix(str(path))
        except nbd.Error as error:
            raise self._failed(key, error) from error
        return disk

    def _failed(self, key: str, error: nbd.Error) -> errors.FabricError:
        return errors.FabricError(
            f"Disk {key} of {self.fabric_id} failed under the guest: {error}",
            do="Start the machine; a guest whose machine was restarted tries again.",
        )


def records(read: Callable[[int, int], bytes], count: int, offset: int = 0) -> list[int]:
    """Which of the first `count` records are whole on a disk; `read(offset, length)` gives its bytes."""
    data = read(offset, count * RECORD_BYTES)
    return [number for number in range(count) if _is_record(data, number)]


def _record(number: int) -> bytes:
    body = _RECORD.pack(_MARK, number, time.time(), zlib.crc32(number.to_bytes(8, "little")))
    return body.ljust(RECORD_BYTES, b"\0")


def _is_record(data: bytes, number: int) -> bool:
    mark, found, _, crc = _RECORD.unpack_from(data, number * RECORD_BYTES)
    return bool(mark == _MARK and found == number and crc == zlib.crc32(number.to_bytes(8, "little")))
