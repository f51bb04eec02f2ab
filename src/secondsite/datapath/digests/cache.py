"""Digests of the pages that the target of one machine is known to have, so that only real changes travel.

The cache may know too little, never too much. A cycle notes its digests while it runs, so before its first frame a
durable *intent* names all pages that it may send or compare:

    open > begin (intent durable) > notes > ACK, position saved > commit (digests durable, intent dropped)
                                          > any failure         > abandon (these pages unknown, intent dropped)

A crash leaves the intent: the next `open` makes its pages unknown. The record names the cycle that the cache speaks
of and the last one attempted; a cache that another history of cycles left (a lost database, a new epoch, a repaired
target, a release without a cache) does not fit and is dropped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from ...ground.durable import sync_folder
from ...ground.units import MiB
from .. import extents
from ..extents import Extent
from ..granularity import PAGE_BYTES
from . import cache_record
from .cache_file import DigestCacheFile
from .cache_record import Record

RECORD: Final = "record"
MOST_EXTENTS: Final = 16384
WIDE_BYTES: Final = 16 * MiB
"""An intent with more than MOST_EXTENTS extents is rounded to blocks of this size; a failed cycle then forgets
more than it touched."""

Reach = Callable[[str], None]


def _nowhere(_name: str) -> None:
    """Nobody watches the seams."""


class DigestCache:
    """The cache of one machine, open for one cycle. `begin`, `commit` and `abandon` may raise OSError: then `drop`
    it, or leave its intent to the next `open`."""

    def __init__(
        self, folder: Path, epoch: int, last_seq: int | None, next_seq: int, sizes: Mapping[str, int],
        reach: Reach = _nowhere,
    ) -> None:  # fmt: skip
        """Open the cache for the cycle `next_seq` on what the target acknowledged as `last_seq`; `sizes` by disk
        key. One that does not fit is begun anew."""
        self._folder = folder
        self._reach = reach
        record = cache_record.load(folder / RECORD)
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
        """A disk that is left out of a cycle changes without us."""
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
        """Cycle `seq` may send or compare these ranges. Durable when it returns."""
        self._intent = {key: _bounded(_pages(found)) for key, found in touched.items()}
        self._attempt = seq
        self._write(self._last_seq)
        self._reach("digests.intended")

    def commit(self) -> None:
        """Make the noted digests valid: the target acknowledged the cycle, and the source has recorded that."""
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
        cache_record.save(record, self._folder / RECORD, durable)


def drop(folder: Path) -> None:
    """Forget all that is known of a machine, durably, so that no power cut brings an old cache back. Raises
    OSError."""
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
