"""Digests of the pages that the target of one machine is known to have, so that only real changes travel.

The cache may know too little, never too much. A cycle notes its digests while it runs, so before its first
frame a durable *intent* names all pages that it may send or compare:

    open > begin (intent durable) > notes > ACK, position saved > commit (digests durable, intent dropped)
                                          > any failure         > abandon (these pages unknown, intent dropped)

A crash leaves the intent: the next `open` makes its pages unknown. The record names the cycle that the cache
speaks of and the last one attempted; a cache that another history of cycles left (a lost database, a new
epoch, a repaired target, a release without a cache) does not fit and is dropped.
"""  # noqa: E501

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xxhash

from ...ground.durable import sync_data, sync_folder
from ...ground.units import MiB
from .. import extents
from ..extents import PAGE_BYTES, Extent
from .cache_file import DigestCacheFile

RECORD: Final = "record"
MOST_EXTENTS: Final = 16384
WIDE_BYTES: Final = 16 * MiB
"""An intent with more than MOST_EXTENTS extents is rounded to blocks of this size; a failed cycle then
forgets more than it touched."""

Reach = Callable[[str], None]


def _nowhere(_name: str) -> None:
    """For callers that watch no seams."""


class DigestCache:
    """The cache of one machine, open for one cycle. `begin`, `commit` and `abandon` may raise OSError:
    then `drop` it, or leave its intent to the next `open`."""

    def __init__(
        self, folder: Path, epoch: int, last_seq: int | None, next_seq: int, sizes: Mapping[str, int],
        reach: Reach = _nowhere,
    ) -> None:  # fmt: skip
        """Open the cache for the cycle `next_seq` on what the target acknowledged as `last_seq`; `sizes`
        by disk key. One that does not fit is begun anew."""
        self._folder = folder
        self._reach = reach
        record = load(folder / RECORD)
        if record is None or not record.fits(epoch, last_seq, next_seq):
            drop(folder)
            record = Record(epoch, last_seq, next_seq - 1, {})
        folder.mkdir(parents=True, exist_ok=True)
        self._epoch, self._last_seq, self._attempt = epoch, last_seq, record.attempt
        self._intent: dict[str, list[Extent]] = {}
        self._files: dict[str, DigestCacheFile] = {}
        try:
            for key, size_bytes in sizes.items():
                self._files[key] = DigestCacheFile(folder / f"{key}.x3", size_bytes)
            self._forget_others(sizes)
            self._recover(record)
        except BaseException:
            self.close()
            raise

    def _forget_others(self, sizes: Mapping[str, int]) -> None:
        """Forget the other disks: one that is left out of a cycle changes without the cache knowing."""
        for path in self._folder.glob("*.x3"):
            if path.stem not in sizes:
                path.unlink()

    def _recover(self, record: Record) -> None:
        self._intent = {key: found for key, found in record.intent.items() if key in self._files}
        if any(self._intent.values()):
            self.abandon()

    def of(self, key: str) -> DigestCacheFile:
        """The digests of one disk."""
        return self._files[key]

    def forget(self, key: str) -> None:
        """Forget this disk; durable with the next `begin`."""
        self._files[key].forget()
        self._files[key].sync()

    def begin(self, seq: int, touched: Mapping[str, Iterable[Extent]]) -> None:
        """Note that cycle `seq` may send or compare these ranges. Durable when it returns."""
        self._intent = {key: _bounded(_pages(found)) for key, found in touched.items()}
        self._attempt = seq
        self._write(self._last_seq)
        self._reach("digests.intended")

    def commit(self) -> None:
        """Make the noted digests valid: the target acknowledged the cycle, and the source has recorded
        that."""
        if any(file.broken for file in self._files.values()):
            self.close()
            drop(self._folder)
            return
        self._sync()
        self._reach("digests.synced")
        self._last_seq, self._intent = self._attempt, {}
        self._write(self._last_seq, durable=False)
        self._reach("digests.committed")

    def abandon(self) -> None:
        """Forget the pages that the cycle touched: it failed, or its outcome is unknown."""
        for key, found in self._intent.items():
            self._files[key].forget(found)
        self._sync()
        self._reach("digests.forgotten")
        self._intent = {}
        self._write(self._last_seq, durable=False)

    def close(self) -> None:
        """Close the files; an intent that was neither committed nor abandoned stays."""
        for file in self._files.values():
            file.close()

    def _sync(self) -> None:
        for key, found in self._intent.items():
            if found:
                self._files[key].sync()

    def _write(self, seq: int | None, durable: bool = True) -> None:
        record = Record(self._epoch, seq, self._attempt, self._intent)
        save(record, self._folder / RECORD, durable)


def drop(folder: Path) -> None:
    """Delete a machine's cache, durably, so that no power cut brings an old one back. Raises OSError."""
    if not folder.exists():
        return
    (folder / RECORD).unlink(missing_ok=True)
    sync_folder(folder)
    shutil.rmtree(folder)
    sync_folder(folder.parent)


def _bounded(found: list[Extent]) -> list[Extent]:
    if len(found) <= MOST_EXTENTS:
        return found
    steps = {
        number for each in found for number in range(each.offset // WIDE_BYTES, -(-each.end // WIDE_BYTES))
    }
    return extents.merge(Extent(number * WIDE_BYTES, WIDE_BYTES) for number in steps)


def _pages(found: Iterable[Extent]) -> list[Extent]:
    """The ranges grown to whole pages."""
    borders = ((each.offset // PAGE_BYTES, -(-each.end // PAGE_BYTES)) for each in found)
    return extents.merge(Extent(first * PAGE_BYTES, (end - first) * PAGE_BYTES) for first, end in borders)


# The record of a digest cache: which cycle it speaks of, and what the running one may touch. "2ndDCREC" |
# version u32 | length u32 | xxh3-128 of the body | body, JSON It is written in place, one sync a cycle; a
# torn one does not match its digest and counts as none.

_HEAD: Final = struct.Struct("<8sII16s")
_MAGIC: Final = b"2ndDCREC"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """`last_seq` is the acknowledged cycle that the digests speak of, `attempt` the last one that was begun,
    `intent` the ranges that it may have touched, by disk key."""

    epoch: int
    last_seq: int | None
    attempt: int
    intent: Mapping[str, list[Extent]]

    def fits(self, epoch: int, last_seq: int | None, next_seq: int) -> bool:
        """Whether the cache followed every cycle of the source up to this one. Without the pages of its
        intent it is valid both for the acknowledged cycle and for the attempted one."""
        followed = next_seq - 1 <= self.attempt <= next_seq
        return epoch == self.epoch and last_seq in (self.last_seq, self.attempt) and followed


def load(path: Path) -> Record | None:
    """The record; None if there is none that is whole."""
    try:
        data = path.read_bytes()
        magic, version, length, digest = _HEAD.unpack_from(data)
    except (FileNotFoundError, struct.error):
        return None
    body = data[_HEAD.size : _HEAD.size + length]
    if (magic, version) != (_MAGIC, _VERSION) or xxhash.xxh3_128_digest(body) != digest:
        return None
    said = json.loads(body)
    intent = {key: [Extent(*pair) for pair in pairs] for key, pairs in said["intent"].items()}
    return Record(said["epoch"], said["last_seq"], said["attempt"], intent)


def save(record: Record, path: Path, durable: bool) -> None:
    """Write it in place; it survives a power cut when this returns, if `durable`. Raises OSError."""
    said = {
        "epoch": record.epoch, "last_seq": record.last_seq, "attempt": record.attempt,
        "intent": {key: [(each.offset, each.length) for each in found] for key,
        found in record.intent.items()},
    }  # fmt: skip
    body = json.dumps(said, separators=(",", ":")).encode()
    data = memoryview(_HEAD.pack(_MAGIC, _VERSION, len(body), xxhash.xxh3_128_digest(body)) + body)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        at = 0
        while at < len(data):
            at += os.pwrite(file, data[at:], at)
        if durable:
            sync_data(file)
    finally:
        os.close(file)
