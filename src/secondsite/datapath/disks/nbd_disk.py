"""A disk behind a unix socket: its size, what is dirty in it, and its bytes.

All calls are libnbd's asynchronous ones: only those can be waited for with a deadline. One thread at a time
may use a disk. `dirty` and `allocation` use separate connections: a server asked for both contexts at once
would walk the allocation of the whole disk (18 minutes for 800 GB, P18), so the export must allow two
connections (qemu-nbd: --shared=2). If a server takes only one connection, it is used for both.
"""

from __future__ import annotations

import functools
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import nbd

from ...ground.units import GiB, MiB
from .. import extents
from ..errors import DiskSilent, DiskUnreadable
from ..extents import CHUNK_BYTES, Extent
from .buffers import Buffers
from .nbd_contexts import ALLOCATION, DEPTH_CONTEXT, DIRTY, STORED, ZERO, bitmap_context, clipped

DEPTH: Final = 6
"""Reads in flight."""

STATUS_BYTES: Final = 4 * GiB - 1 * MiB
"""The most bytes that one question about extents covers: the protocol counts them in 32 bits."""

ZERO_BYTES: Final = 1 * GiB
"""The most bytes of one request to zero a range."""

WIDE_BYTES: Final = 4 * MiB
"""One read of this size precedes a long series of reads. By default QEMU's C library returns the memory of
each answer to the kernel and maps fresh pages for the next, which tripled the server's processor time
(0.65 s instead of 0.22 s per GiB). One large freed block tells glibc to keep that much (mallopt(3),
M_MMAP_THRESHOLD: "dynamic"), at most doubling the server's memory."""

LONG_BYTES: Final = 64 * MiB
"""A series of reads of at least this size is worth it."""

# Bytes are passed to libnbd unwrapped: version 1.14 never frees what is wrapped in nbd.Buffer, and an
# appliance grew by every byte it moved.
Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Write:
    """A write in flight; libnbd reads from `buffer` until it ends."""

    cookie: int
    offset: int
    length: int
    what: str
    buffer: Buffer | None = None

    def overlaps(self, offset: int, length: int) -> bool:
        return self.offset < offset + length and offset < self.offset + self.length


class NbdDisk:
    """An open export. After an error of the connection it is closed, and every call raises DiskUnreadable."""

    def __init__(
        self,
        socket_path: Path | str,
        export: str = "",
        *,
        bitmaps: Sequence[str] = (),
        own: bool = False,
        one_connection: bool = False,
        connect_seconds: float = 10,
        io_seconds: float = 60,
    ) -> None:
        """Open the export; raises DiskUnreadable if it is absent, silent or lacks one of the bitmaps. With
        `own`, everything counts as dirty that the image itself stores, or those of its backing files that are
        exported with it; it must be exported with its depth. With `one_connection` one connection is used for
        everything, for servers that take few."""
        self._socket_path = str(socket_path)
        self._export = export
        self._connect_seconds = connect_seconds
        self._io_seconds = io_seconds
        self._bitmaps = [bitmap_context(name) for name in bitmaps] + [DEPTH_CONTEXT] * own
        self._marks = STORED if own else DIRTY
        self._handle = nbd.NBD()
        self._allocation: nbd.NBD | None = None
        self._wide = False
        self._handle = self._connect(self._bitmaps + [ALLOCATION] * one_connection)
        self._together = one_connection
        self.size_bytes: int = self._handle.get_size()

    def __enter__(self) -> NbdDisk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"export {self._export!r} of {self._socket_path}"

    def close(self) -> None:
        """Close both connections; harmless when repeated."""
        for handle in (self._handle, self._allocation):
            if handle is not None and handle.aio_is_ready():
                _say_goodbye(handle)
        # A handle closes when nothing refers to it any more; an unconnected one refuses every call by name.
        self._handle, self._allocation = nbd.NBD(), None

    # -- what is in it ---------------------------------------------------------------------------------

    def dirty(self, offset: int = 0, length: int | None = None) -> list[Extent]:
        """Extents of the range that any of the bitmaps marks; the whole range without bitmaps."""
        length = self.size_bytes - offset if length is None else length
        if not self._bitmaps:
            return extents.merge([Extent(offset, length)])
        found = self._status(self._handle, self._bitmaps, offset, length)
        return extents.merge(extent for extent, flags in found if flags & self._marks)

    def allocation(self, offset: int, length: int) -> list[Extent]:
        """The range as data and zero extents. The time for an answer grows with the image's tables in the
        range: for a changed disk ask only inside dirty extents."""
        handle = self._handle if self._together else self._allocation
        if handle is None:
            handle = self._allocation = self._connect([ALLOCATION])
        found = self._status(handle, [ALLOCATION], offset, length)
        return extents.merge(Extent(e.offset, e.length, bool(flags & ZERO)) for e, flags in found)

    def changed(self) -> list[Extent]:
        """All dirty extents of the disk, with zeros marked as such."""
        return extents.merge(part for e in self.dirty() for part in self.allocation(e.offset, e.length))

    def _status(
        self, handle: nbd.NBD, contexts: Sequence[str], offset: int, length: int
    ) -> list[tuple[Extent, int]]:
        """(extent, flags) of every context over the range; contexts may divide it differently."""
        found: list[tuple[Extent, int]] = []
        end = offset + length
        while offset < end:
            asked = min(end - offset, STATUS_BYTES)
            replies = self._ask_status(handle, offset, asked)
            reached = min((sum(replies.get(context, [])[::2]) for context in contexts), default=0)
            if reached == 0:
                raise DiskUnreadable(
                    f"{self} says nothing about {offset}", do="check the storage daemon's log"
                )
            step = min(reached, asked)
            for context in contexts:
                found += clipped(replies[context], offset, step)
            offset += step
        return found

    def _ask_status(self, handle: nbd.NBD, offset: int, length: int) -> dict[str, list[int]]:
        replies: dict[str, list[int]] = {}

        def keep(context: str, _at: int, entries: list[int], _error: Any) -> int:
            replies.setdefault(context, list(entries))
            return 0

        self._run(handle, lambda: handle.aio_block_status(length, offset, keep), f"map {length} at {offset}")
        return replies

    # -- its bytes -------------------------------------------------------------------------------------

    def read_many(
        self, wanted: Iterable[Extent], buffers: Buffers | None = None
    ) -> Iterator[tuple[int, bytearray]]:
        """(offset, bytes) of every extent, in order, in chunks that end at multiples of CHUNK_BYTES; some
        reads are always in flight. Buffers come from `buffers`."""
        buffers, wanted = buffers or Buffers(), list(wanted)
        self._prepare(wanted)
        flying: deque[tuple[int, int, bytearray]] = deque()
        try:
            for chunk in extents.split(wanted, CHUNK_BYTES):
                flying.append(self._begin_read(chunk.offset, buffers.take(chunk.length)))
                if len(flying) >= DEPTH:
                    yield self._end_read(flying.popleft())
            while flying:
                yield self._end_read(flying.popleft())
        finally:
            self._retire(flying)

    def _prepare(self, wanted: Sequence[Extent]) -> None:
        """Read WIDE_BYTES once before a long series of reads; the result is not used."""
        long = next((extent for extent in wanted if extent.length >= LONG_BYTES), None)
        if long is not None and not self._wide:
            self._end_read(self._begin_read(long.offset, bytearray(WIDE_BYTES)))
            self._wide = True

    def land(self) -> None:
        """Receive all answers in flight; call it before waiting for anything else.

        A server whose answers nobody reads cannot drain (QEMU 7.2, nbd_drained_poll): every QMP
        transaction of its process waits, and so do the guests whose disks it drains."""
        deadline = time.monotonic() + self._io_seconds
        try:
            while self._handle.aio_in_flight():
                self._poll(self._handle, deadline, "receive what was read")
        except nbd.Error as error:
            raise self._unreadable("receive what was read", error) from None

    def _begin_read(self, offset: int, raw: bytearray) -> tuple[int, int, bytearray]:
        cookie = self._try(lambda: self._handle.aio_pread(raw, offset), f"read {len(raw)} at {offset}")
        return cookie, offset, raw

    def _end_read(self, flying: tuple[int, int, bytearray]) -> tuple[int, bytearray]:
        cookie, offset, raw = flying
        self._wait(self._handle, cookie, f"read {len(raw)} at {offset}")
        return offset, raw

    def _retire(self, flying: Iterable[tuple[int, int, bytearray]]) -> None:
        """Wait for reads that are no longer wanted: libnbd writes into their buffers until they end."""
        for read in flying:
            try:
                self._end_read(read)
            except DiskUnreadable:
                self.close()
                return

    def pread(self, length: int, offset: int) -> bytes:
        """`length` bytes at `offset`."""
        raw = bytearray(length)
        for at, chunk in self.read_many([Extent(offset, length)]):
            raw[at - offset : at - offset + len(chunk)] = chunk
        return bytes(raw)

    def pwrite(self, data: Buffer, offset: int) -> None:
        """Write all of `data` at `offset`; at most 32 MiB. Durable after `flush`."""
        self.end_write(self.begin_write(data, offset))

    def zero(self, length: int, offset: int) -> None:
        """Make the range read as zeros, as a hole where the image can; any length."""
        for write in self.begin_zero(length, offset):
            self.end_write(write)

    def begin_write(self, data: Buffer, offset: int) -> Write:
        """Begin to write. Keep the result until `end_write` has taken it."""
        what = f"write {len(data)} at {offset}"
        cookie = self._try(lambda: self._handle.aio_pwrite(data, offset), what)
        self._hand_over(what)
        return Write(cookie, offset, len(data), what, data)

    def _hand_over(self, what: str) -> None:
        """Send a request completely: with half of one the server cannot drain either (see `land`)."""
        deadline = time.monotonic() + self._io_seconds
        try:
            while self._handle.aio_get_direction() & nbd.AIO_DIRECTION_WRITE:
                self._poll(self._handle, deadline, what)
        except nbd.Error as error:
            raise self._unreadable(what, error) from None

    def begin_zero(self, length: int, offset: int) -> list[Write]:
        """Begin to zero a range of any length."""
        begun = []
        while length > 0:
            step = min(length, ZERO_BYTES)
            what = f"zero {step} at {offset}"
            cookie = self._try(functools.partial(self._handle.aio_zero, step, offset), what)
            begun.append(Write(cookie, offset, step, what))
            offset, length = offset + step, length - step
        return begun

    def end_write(self, write: Write) -> None:
        """Wait until the write is done; durable after `flush`."""
        self._wait(self._handle, write.cookie, write.what)

    def begin_flush(self) -> Write:
        """Begin a flush; pass the result to `end_write`."""
        return Write(self._try(self._handle.aio_flush, "flush"), 0, 0, "flush")

    def flush(self) -> None:
        """Make all writes durable."""
        self._run(self._handle, self._handle.aio_flush, "flush")

    # -- libnbd with deadlines -------------------------------------------------------------------------

    def _connect(self, contexts: Sequence[str]) -> nbd.NBD:
        handle = nbd.NBD()
        handle.set_export_name(self._export)
        for context in contexts:
            handle.add_meta_context(context)
        deadline = time.monotonic() + self._connect_seconds
        try:
            handle.aio_connect_unix(self._socket_path)
            while not handle.aio_is_ready():
                self._poll(handle, deadline, "open")
            missing = [context for context in contexts if not handle.can_meta_context(context)]
        except nbd.Error as error:
            _cut(handle)
            raise self._unreadable("open", error) from None
        except DiskSilent:
            _cut(handle)
            raise
        if missing:
            _say_goodbye(handle)
            raise DiskUnreadable(f"{self} has no {', '.join(missing)}", do="resynchronize the machine")
        return handle

    def _run(self, handle: nbd.NBD, command: Callable[[], int], what: str) -> None:
        self._wait(handle, self._try(command, what), what)

    def _try(self, command: Callable[[], int], what: str) -> int:
        try:
            return command()
        except nbd.Error as error:
            raise self._unreadable(what, error) from None

    def _wait(self, handle: nbd.NBD, cookie: int, what: str) -> None:
        deadline = time.monotonic() + self._io_seconds
        try:
            while not handle.aio_command_completed(cookie):
                self._poll(handle, deadline, what)
        except nbd.Error as error:
            raise self._unreadable(what, error) from None

    def _poll(self, handle: nbd.NBD, deadline: float, what: str) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            self.close()
            raise DiskSilent(f"{self}: {what} had no answer in time", do="check the store behind the disk")
        handle.poll(max(1, int(left * 1000)))

    def _unreadable(self, what: str, error: nbd.Error) -> DiskUnreadable:
        return DiskUnreadable(f"{self}: {what} failed: {error.string}", do="check that its server still runs")


def _cut(handle: nbd.NBD) -> None:
    """End a half-open connection, whoever still refers to its handle: QEMU's main thread waits for it when
    the server is stopped, and the guest stands still for as long."""
    try:
        with socket.socket(fileno=os.dup(handle.aio_get_fd())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
    except (nbd.Error, OSError):
        pass


def _say_goodbye(handle: nbd.NBD) -> None:
    """Disconnect properly, so that the server logs no broken pipe."""
    try:
        handle.aio_disconnect()
    except nbd.Error:
        pass
