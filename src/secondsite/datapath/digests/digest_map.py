"""Digests of every 64 KiB block of a disk, in a file: what compare asks for, and a point's whole-disk digest.

The file holds a header and 16 bytes a block (xxh3-128 of its content; the last block may be short). A block
of zeros counts as sixteen zero bytes, so that the map of an empty disk is a hole. Written with pwrite, not
mmap: a full file system is then an error and not a signal that kills the process.

Crash-safe by replay: entries change only for blocks that the cycle being applied writes, and `mark` makes
them durable together with the (epoch, seq) that they describe. A map with any other mark is stale and is
rebuilt by reading the disk.

A map records which file it is itself (its inode), so that a copy is not trusted: a restored backup may hold
map and disk of two instants. It also records which file the disk is, as long as that stays the same: so a
head that was restored alone is noticed too."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import xxhash

from ...ground import durable, holes, real_files
from ...ground.units import KiB, MiB
from .. import errors
from ..extents import BLOCK_BYTES, DIGEST_BYTES, Extent, merge
from ..files import store_error

_HEADER = struct.Struct("<8sIIQQQQ")
"""The last number is the map's own file; 0 in maps of former releases."""
_OF = struct.Struct("<Q")
"""Follows the header: which file the disk is; 0 while it changes, and in maps of former releases."""
_MAGIC: Final = b"2ndDGMAP"
_VERSION: Final = 1
_FIRST_ENTRY: Final = 4096
_ZERO_BLOCK: Final = bytes(BLOCK_BYTES)
_ZERO_ENTRY: Final = bytes(DIGEST_BYTES)
_ZERO_DIGEST: Final = xxhash.xxh3_128_digest(_ZERO_BLOCK)
_PIECE_BYTES: Final = MiB
_ZERO_ENTRIES: Final = memoryview(bytes(256 * KiB))
"""Zeros for hashing in portions: what is hashed again and again should stay in the processor's cache."""


class DigestMap:
    """The map of one disk, open for reading and writing. Offsets are aligned to 64 KiB blocks."""

    def __init__(self, path: Path) -> None:
        """Open a map; raises FileNotFoundError, or ImageProblem when it is not a map."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            magic, version, block, self.size_bytes, self.epoch, self.seq, file_id = _HEADER.unpack(
                os.pread(self._file, _HEADER.size, 0)
            )
        except struct.error:
            magic, version, block = b"", 0, 0
        if (magic, version, block) != (_MAGIC, _VERSION, BLOCK_BYTES):
            os.close(self._file)
            raise errors.ImageProblem(
                f"{path} is not a digest map.", do="Remove it: it is built again from the disk."
            )
        (self.of_file,) = _OF.unpack(os.pread(self._file, _OF.size, _HEADER.size).ljust(_OF.size, b"\0"))
        self._id = real_files.file_id(self._file)
        # Release 0.1.0 wrote none, and the releases just after it only the inode.
        self.is_copy = file_id not in (0, os.fstat(self._file).st_ino, self._id)

    @classmethod
    def create(cls, path: Path, size_bytes: int, epoch: int, seq: int) -> DigestMap:
        """The map of a disk of zeros, durable; replaces what was there."""
        try:
            with durable.replacing(path) as file:
                file_id = real_files.file_id(file.fileno())
                file.write(_HEADER.pack(_MAGIC, _VERSION, BLOCK_BYTES, size_bytes, epoch, seq, file_id))
                file.truncate(_FIRST_ENTRY + _blocks(size_bytes) * DIGEST_BYTES)
        except OSError as error:
            raise store_error(error, path) from error
        return cls(path)

    def describes(self, size_bytes: int, epoch: int, *seqs: int | None) -> bool:
        """Whether the map describes a disk of this size in one of these states."""
        same = (self.size_bytes, self.epoch) == (size_bytes, epoch) and self.seq in seqs
        return same and not self.is_copy

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Note new content of whole blocks."""
        view = memoryview(data)
        entries = b"".join(_entry(view[at : at + BLOCK_BYTES]) for at in range(0, len(view), BLOCK_BYTES))
        self._put(offset, entries)

    def zero(self, offset: int, length: int) -> None:
        """Note that whole blocks now read as zeros."""
        start = _place(offset)
        try:
            holes.zero(self._file, start, start + _blocks(length) * DIGEST_BYTES)
        except OSError as error:
            raise store_error(error, self.path) from error

    def grow(self, size_bytes: int) -> None:
        """Note that the disk grew by zeros. The old last block may have been short: the caller writes it
        again."""
        self.size_bytes = size_bytes
        os.ftruncate(self._file, _FIRST_ENTRY + _blocks(size_bytes) * DIGEST_BYTES)

    def mark(self, epoch: int, seq: int) -> None:
        """Make all changes durable, as the state after cycle (epoch, seq)."""
        try:
            # Entries first: a header that is newer than its entries would pass for the truth after a power
            # cut.
            durable.sync_data(self._file)
            header = _HEADER.pack(_MAGIC, _VERSION, BLOCK_BYTES, self.size_bytes, epoch, seq, self._id)
            os.pwrite(self._file, header, 0)
            durable.sync_data(self._file)
        except OSError as error:
            raise store_error(error, self.path) from error
        self.epoch, self.seq = epoch, seq

    def name_file(self, number: int, *, flush: bool) -> None:
        """Note which file the disk is; 0: it is about to become another one."""
        try:
            os.pwrite(self._file, _OF.pack(number), _HEADER.size)
            if flush:
                durable.sync_data(self._file)
        except OSError as error:
            raise store_error(error, self.path) from error
        self.of_file = number

    def region(self, offset: int, length: int) -> bytes:
        """Digests of the blocks in a range, 16 bytes each; zero blocks have the digest of 64 KiB of zeros."""
        if offset % BLOCK_BYTES or offset < 0 or offset + length > self.size_bytes:
            raise errors.ImageProblem(
                f"Digests of {length} bytes at {offset} were asked of a disk of {self.size_bytes} bytes.",
                do="Ask from a multiple of 64 KiB and within the disk.",
            )
        data = self._entries(offset // BLOCK_BYTES, _blocks(length))
        if _ZERO_ENTRY not in data:
            return data
        tail = self.size_bytes % BLOCK_BYTES if offset + length == self.size_bytes else 0
        if _is_zero(data):
            return _ZERO_DIGEST * (_blocks(length) - bool(tail)) + (_zeros_digest(tail) if tail else b"")
        entries = [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]
        decoded = [_ZERO_DIGEST if entry == _ZERO_ENTRY else entry for entry in entries]
        if tail and entries[-1] == _ZERO_ENTRY:
            decoded[-1] = _zeros_digest(tail)
        return b"".join(decoded)

    def digest(self) -> str:
        """The disk's digest in hex: xxh3-128 over the map's entries in order."""
        whole, at = xxhash.xxh3_128(), _FIRST_ENTRY
        for start, piece in self._stored(0, self.size_bytes):
            _update_by_zeros(whole, start - at)
            whole.update(piece)
            at = start + len(piece)
        _update_by_zeros(whole, _place(self.size_bytes + BLOCK_BYTES - 1) - at)
        return whole.hexdigest()

    def held(self, offset: int, length: int) -> list[Extent]:
        """The blocks of a range that are not all zeros; `offset` is a multiple of 64 KiB."""
        found = (
            Extent(
                (start - _FIRST_ENTRY + begin) // DIGEST_BYTES * BLOCK_BYTES,
                (end - begin) // DIGEST_BYTES * BLOCK_BYTES,
            )
            for start, piece in self._stored(offset, length)
            for begin, end in _runs(piece)
        )
        return [Extent(each.offset, min(each.end, self.size_bytes) - each.offset) for each in merge(found)]

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _stored(self, offset: int, length: int) -> Iterator[tuple[int, bytes]]:
        """(place in the file, entries) of the parts of a range that are no holes of the file."""
        start = _place(offset)
        for begin, end in holes.stored(self._file, start, start + _blocks(length) * DIGEST_BYTES):
            for at in range(begin - (begin - _FIRST_ENTRY) % DIGEST_BYTES, end, _PIECE_BYTES):
                piece = os.pread(self._file, min(_PIECE_BYTES, end - at), at)
                yield at, piece.ljust(-(-len(piece) // DIGEST_BYTES) * DIGEST_BYTES, b"\0")

    def _entries(self, first: int, count: int) -> bytes:
        return os.pread(self._file, count * DIGEST_BYTES, _FIRST_ENTRY + first * DIGEST_BYTES)

    def _put(self, offset: int, entries: bytes) -> None:
        try:
            if _is_zero(entries):
                holes.zero(self._file, _place(offset), _place(offset) + len(entries))
            else:
                os.pwrite(self._file, entries, _place(offset))
        except OSError as error:
            raise store_error(error, self.path) from error


class RunningDigest:
    """A whole disk's digest, computed from its content in order without a map; equal to
    `DigestMap.digest`."""

    def __init__(self) -> None:
        self._whole = xxhash.xxh3_128()

    def data(self, data: bytes | bytearray) -> None:
        """Add the next bytes; whole blocks, except at the disk's end."""
        view = memoryview(data)
        for at in range(0, len(view), BLOCK_BYTES):
            self._whole.update(_entry(view[at : at + BLOCK_BYTES]))

    def zeros(self, length: int) -> None:
        _update_by_zeros(self._whole, _blocks(length) * DIGEST_BYTES)

    def hexdigest(self) -> str:
        return self._whole.hexdigest()


def _entry(block: memoryview) -> bytes:
    # Compared by digest: a memoryview compares byte by byte, which is slow for blocks that begin with zeros.
    found = xxhash.xxh3_128_digest(block)
    if found == _ZERO_DIGEST or (len(block) < BLOCK_BYTES and found == _zeros_digest(len(block))):
        return _ZERO_ENTRY
    return found


def _runs(entries: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of each stretch of entries of which none is zero."""
    at, end = 0, len(entries)
    while at < end:
        begin = at
        while at < end and entries[at : at + DIGEST_BYTES] != _ZERO_ENTRY:
            at += DIGEST_BYTES
        if at > begin:
            yield begin, at
        at += DIGEST_BYTES


def _is_zero(entries: bytes) -> bool:
    return entries == bytes(len(entries))


def _update_by_zeros(whole: xxhash.xxh3_128, count: int) -> None:
    for at in range(0, count, len(_ZERO_ENTRIES)):
        whole.update(_ZERO_ENTRIES[: count - at])


def _place(offset: int) -> int:
    """Where the entry of the block at an offset of the disk lies in the file."""
    return _FIRST_ENTRY + offset // BLOCK_BYTES * DIGEST_BYTES


def _zeros_digest(length: int) -> bytes:
    return xxhash.xxh3_128_digest(_ZERO_BLOCK[:length])


def _blocks(length: int) -> int:
    return -(-length // BLOCK_BYTES)
