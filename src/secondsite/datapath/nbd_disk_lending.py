"""Buffers that libnbd reads from or writes into, given back for certain.

libnbd 1.14 (Debian 12) takes a reference to the buffer of every aio_pread and aio_pwrite and never drops it.
Measured: every byte that was read or written stayed in memory; an appliance grew by the size of all it had moved.
"""

from __future__ import annotations

import ctypes
import sys

import nbd


class Lent:
    """A buffer on loan to one command. Invariant: after `take_back` nobody but its owner keeps it."""

    __slots__ = ("_held", "_view", "shared")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._view = memoryview(data)
        self.shared = nbd.Buffer.from_buffer(self._view)
        self._held = sys.getrefcount(self._view)

    def take_back(self) -> None:
        """The command has ended. Where nothing leaks the count is what it was, and nothing is dropped."""
        leaked = sys.getrefcount(self._view) > self._held
        self._view.release()
        if leaked:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(self._view))
