"""A guest that keeps writing, for benchmarks and demonstrations."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from types import TracebackType

from ....domain import errors
from ....ground import threads
from ....ground.units import KiB, MiB
from .guest import Guest

FLUSH_BYTES = 4 * MiB


class Writer:
    """Writes to one disk in its own thread until it is closed; while the machine is off it waits.

    `bytes_per_second` 0 means as fast as possible. `compressible` is the share of each block that is zeros.
    """

    def __init__(
        self,
        root: Path,
        fabric_id: str,
        key: str = "vda",
        *,
        bytes_per_second: int = 1 * MiB,
        block_bytes: int = 64 * KiB,
        sequential: bool = False,
        compressible: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.bytes_written = 0
        self._guest = Guest(root, fabric_id)
        self._key = key
        self._bytes_per_second = bytes_per_second
        self._block_bytes = block_bytes
        self._sequential = sequential
        self._random_bytes = int(block_bytes * (1.0 - min(1.0, max(0.0, compressible))))
        self._random = random.Random(seed)
        self._at = 0
        self._ended = threading.Event()
        self._thread = threads.worker(f"guest {fabric_id}", self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, deadline_seconds: float = 10) -> None:
        self._ended.set()
        self._thread.join(deadline_seconds)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.is_set():
            try:
                self._write_one()
            except errors.SecondsiteError:
                self._ended.wait(0.2)
                due = time.monotonic()
                continue
            due += self._block_bytes / self._bytes_per_second if self._bytes_per_second else 0.0
            self._ended.wait(max(0.0, due - time.monotonic()))
        self._guest.close()

    def _write_one(self) -> None:
        data = self._random.randbytes(self._random_bytes).ljust(self._block_bytes, b"\0")
        self._guest.write(self._key, self._place(), data, wait_seconds=0.5)
        before, self.bytes_written = self.bytes_written, self.bytes_written + len(data)
        if before // FLUSH_BYTES != self.bytes_written // FLUSH_BYTES:
            self._guest.flush(self._key)

    def _place(self) -> int:
        blocks = max(1, self._guest.size_bytes(self._key) // self._block_bytes)
        self._at = (self._at + 1) % blocks if self._sequential else self._random.randrange(blocks)
        return self._at * self._block_bytes
