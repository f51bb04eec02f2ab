"""Frames ahead of the link: one thread reads disks, a few encode, the caller sends.

The pump holds at most AHEAD chunks (raw and packed), so its memory is bounded whatever the disk. Frames come
in the order of the extents.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from . import codec
from .codec_choice import Choice
from .compare import ReadableDisk
from .extents import Extent
from .frames import Encoded
from .nbd_disk_buffers import Buffers

AHEAD: Final = 16
"""Chunks between the reader and the link."""

WORKERS: Final = 2
"""Threads that digest and compress."""


@dataclass(frozen=True, slots=True)
class Work:
    """A disk's extents to send; `index` is the disk's place in the header."""

    index: int
    disk: ReadableDisk
    extents: Sequence[Extent]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk on its way through the codec; its frames look into `raw`."""

    raw: bytearray
    frames: Future[list[Encoded]]


_Item = _Chunk | Encoded | BaseException | None


class Pump:
    """Iterate it inside `with`: leaving stops its threads, wherever they are."""

    def __init__(self, work: Sequence[Work], choice: Choice) -> None:
        self._work = work
        self._choice = choice
        self._buffers = Buffers()
        self._queue: queue.Queue[_Item] = queue.Queue(AHEAD)
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="encode")
        self._reader = threading.Thread(target=self._read, name="read-disk", daemon=True)

    def __enter__(self) -> Pump:
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._reader.join()  # bounded by the disk's own deadline
        self._pool.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[Encoded]:
        """The frames; each is valid until the next one is asked for."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, Encoded):
                yield item
            else:
                yield from item.frames.result()
                self._buffers.give(item.raw)

    def _read(self) -> None:
        try:
            for work in self._work:
                self._read_disk(work)
            self._put(None)
        except BaseException as problem:  # it belongs to the caller's thread
            self._put(problem)

    def _read_disk(self, work: Work) -> None:
        for extent in (e for e in work.extents if e.zero):
            for frame in codec.encode_zeros(work.index, extent.offset, extent.length):
                self._put(frame)
        chunks = work.disk.read_many([e for e in work.extents if not e.zero], self._buffers)
        for offset, raw in chunks:
            if self._stop.is_set():
                return
            frames = self._pool.submit(codec.encode, self._choice, work.index, offset, raw)
            self._put(_Chunk(raw, frames))

    def _put(self, item: _Item) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return
