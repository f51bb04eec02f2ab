"""What is asked of disks behind NBD: bytes read, and questions about extents. Work is counted, so that no
busy host fails a test."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

from secondsite.datapath.disks import NbdDisk


@dataclass
class Counted:
    read_bytes: int = 0
    questions: int = 0
    zeroed_bytes: int = 0


@contextlib.contextmanager
def counted() -> Iterator[Counted]:
    """Yields what all NbdDisks of this process do inside the block; the sums grow as they do it."""
    found = Counted()
    read, ask, zero = (getattr(NbdDisk, name) for name in ("_begin_read", "_ask_status", "begin_zero"))

    def begin_read(self: NbdDisk, offset: int, raw: bytearray) -> Any:
        found.read_bytes += len(raw)
        return read(self, offset, raw)

    def ask_status(self: NbdDisk, handle: Any, offset: int, length: int) -> Any:
        found.questions += 1
        return ask(self, handle, offset, length)

    def begin_zero(self: NbdDisk, length: int, offset: int) -> Any:
        found.zeroed_bytes += length
        return zero(self, length, offset)

    with (
        mock.patch.object(NbdDisk, "_begin_read", begin_read),
        mock.patch.object(NbdDisk, "_ask_status", ask_status),
        mock.patch.object(NbdDisk, "begin_zero", begin_zero),
    ):
        yield found
