"""Prepares frames ahead of the link: one thread reads disks, a few encode, the caller sends. For a few pages
the caller does all of it: three threads would cost more.

The pump has at most AHEAD chunks in memory (raw and packed), whatever the disk's size. Pages that the
target is known to have are left out; long ranges become frames of their own, short ones are packed
together, disk by disk."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from ...ground import threads
from ...ground.units import KiB, MiB
from .. import extents
from ..digests import DigestCacheFile
from ..disks import Buffers
from ..extents import PAGE_BYTES, Extent
from ..frames import Choice, EncodedFrame, Packer, Range, codec, packed_frame
from . import changed_pages
from .compare import ReadableDisk

AHEAD: Final = 16
"""Chunks between the reader and the link."""

WORKERS: Final = 2
"""Threads that digest and compress."""

FEW_BYTES: Final = 1 * MiB
"""Up to this length, zeros included, everything is read and encoded before the first frame is sent."""

LONG_BYTES: Final = 256 * KiB
"""A range of at least this size has a frame of its own and is sent without copying."""


@dataclass(frozen=True, slots=True)
class Work:
    """A disk's extents to send; `index` is the disk's place in the header. Pages that the target has
    according to `known` are left out."""

    index: int
    disk: ReadableDisk
    extents: Sequence[Extent]
    known: DigestCacheFile | None = None

    @property
    def whole_pages(self) -> list[Extent]:
        """The extents; with `known`, grown to whole pages."""
        if self.known is None:
            return list(self.extents)
        return extents.align(self.extents, PAGE_BYTES, self.disk.size_bytes)


@dataclass(frozen=True, slots=True)
class _ChunkRanges:
    """What to send of a chunk: frames of long ranges, and short ranges. Both refer to the chunk."""

    frames: list[EncodedFrame]
    short: list[Range]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk on its way."""

    disk: int
    raw: bytearray
    sifted: Future[_ChunkRanges]


class _Here(Executor):
    """An executor that runs a task at once, in the caller's thread."""

    def submit(self, function: Callable[..., Any], /, *what: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*what, **named))
        except BaseException as problem:
            done.set_exception(problem)
        return done


_Item = _Chunk | EncodedFrame | BaseException | None


class Pump:
    """Iterate it inside `with`: leaving stops its threads, wherever they are. `done` gets the length of
    each piece that was sent or left out; it may raise."""

    def __init__(
        self, work: Sequence[Work], choice: Choice, done: Callable[[int], None] = lambda _length: None
    ) -> None:
        self._work = work
        self._choice = choice
        self._done = done
        self._buffers = Buffers()
        self._packer = Packer()
        self._packing: deque[Future[EncodedFrame]] = deque()
        self._few = sum(extents.total_bytes(item.extents) for item in work) <= FEW_BYTES
        self._queue: queue.Queue[_Item] = queue.Queue(0 if self._few else AHEAD)
        self._stop = threading.Event()
        self._pool: Executor = _Here() if self._few else ThreadPoolExecutor(WORKERS, "encode")
        self._reader = threads.worker("read-disk", self._read)

    def __enter__(self) -> Pump:
        if self._few:
            self._read()
        else:
            self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if not self._few:
            self._reader.join()  # bounded by the disk's own deadline
        self._pool.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[EncodedFrame]:
        """The frames; each is valid until the next one is asked for."""
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, EncodedFrame):
                yield item
                self._done(item.length)
            else:
                yield from self._of(item)
                self._done(len(item.raw))
                self._buffers.give(item.raw)
        self._pack()
        while self._packing:
            yield self._packing.popleft().result()

    def _of(self, chunk: _Chunk) -> Iterator[EncodedFrame]:
        sifted = chunk.sifted.result()
        yield from sifted.frames
        for offset, length, data in sifted.short:
            part = (offset, length, None if data is None else memoryview(bytes(data)))
            if not self._packer.fits(chunk.disk, part):
                self._pack()
            self._packer.add(chunk.disk, part)
        while len(self._packing) >= WORKERS:
            yield self._packing.popleft().result()

    def _pack(self) -> None:
        """Begin to encode the gathered short ranges as one frame."""
        if ranges := self._packer.take():
            self._packing.append(self._pool.submit(packed_frame.encode, self._packer.disk, ranges))

    def _read(self) -> None:
        try:
            for work in self._work:
                self._read_disk(work)
            self._put(None)
        except BaseException as problem:  # it belongs to the caller's thread
            self._put(problem)

    def _read_disk(self, work: Work) -> None:
        wanted = work.whole_pages
        for extent in (e for e in wanted if e.zero):
            for part in changed_pages.zero_extents(extent, work.known):
                for frame in codec.encode_zeros(work.index, part.offset, part.length):
                    self._put(frame)
        chunks = work.disk.read_many([e for e in wanted if not e.zero], self._buffers)
        for offset, raw in chunks:
            if self._stop.is_set():
                return
            if self._queue.full():
                work.disk.land()  # the link may keep us, and so the disk's server, waiting for long
            self._put(_Chunk(work.index, raw, self._pool.submit(self._sift, work, offset, raw)))

    def _sift(self, work: Work, offset: int, raw: bytearray) -> _ChunkRanges:
        frames, short = [], []
        for part in changed_pages.data_ranges(offset, raw, work.known):
            at, _length, data = part
            if data is not None and len(data) >= LONG_BYTES:
                frames.append(codec.encode_data(self._choice, work.index, at, data))
            else:
                short.append(part)
        return _ChunkRanges(frames, short)

    def _put(self, item: _Item) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return
