"""What the target of one machine is known to hold, page by page, so that only what really changed travels.

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

from . import digest_cache_record, extents
from .digest_cache_file import DigestCacheFile
from .digest_cache_record import Record
from .extents import Extent
from .replica_files import sync_folder
from .units import PAGE_BYTES, MiB

RECORD: Final = "record"
MOST_EXTENTS: Final = 16384
WIDE_BYTES: Final = 16 * MiB
"""An intent of more extents than that is kept in steps of this: a failed cycle then forgets more than it touched."""

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
        record = digest_cache_record.load(folder / RECORD)
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
        """Nothing is known of this disk any more; durable with the next `begin`."""
        self._files[key].forget()
        self._files[key].sync()

    def begin(self, seq: int, touched: Mapping[str, Iterable[Extent]]) -> None:
        """Cycle `seq` may send or compare these ranges. Durable when it returns."""
        self._intent = {key: _bounded(_pages(found)) for key, found in touched.items()}
        self._attempt = seq
        self._write(self._last_seq)
        self._reach("digests.intended")

    def commit(self) -> None:
        """The target acknowledged the cycle, and the source has that on record: what was noted is true."""
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
        """The cycle failed, or nobody knows: the pages that it touched are unknown."""
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
        digest_cache_record.save(record, self._folder / RECORD, durable)


def drop(folder: Path) -> None:
    """Forget all that is known of a machine, durably: a power cut must not bring an old cache back. Raises OSError."""
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
