"""The digest cache of a machine around one of its cycles: `home/digests/MACHINE`.

Replication is correct without it: the cache only saves bytes. If anything is wrong with its files (a full or
broken disk), it is dropped and the cycle goes on."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from ...datapath.digests import DigestCache, DigestCacheFile
from ...datapath.digests import cache as digest_cache
from ...datapath.extents import Extent
from ...ground import seams
from .machine import Source
from .slices import DiskPart

log = structlog.get_logger(__name__)


class CycleDigests:
    """Digests of each disk for one cycle. Invariant: nothing is noted before an intent is durable."""

    def __init__(self, folder: Path, cache: DigestCache | None) -> None:
        self._folder = folder
        self._cache = cache

    def begin(self, seq: int, parts: Sequence[DiskPart], touched: dict[str, list[Extent]]) -> None:
        """Begin cycle `seq`, which may send or compare `touched`. Forgets disks whose pass begins."""
        if self._cache is None:
            return
        try:
            for part in parts:
                if part.mode is not None and part.slice_start == 0:
                    self._cache.forget(part.key)
            self._cache.begin(seq, touched)
        except OSError as error:
            self._give_up(error)

    def of(self, key: str) -> DigestCacheFile | None:
        """The known digests of a disk; None without a cache."""
        return self._cache.of(key) if self._cache is not None else None

    def commit(self) -> None:
        """The cycle is durable at the target and recorded here."""
        self._end(DigestCache.commit)

    def abandon(self) -> None:
        """The cycle failed, or its outcome is unknown."""
        self._end(DigestCache.abandon)

    def _end(self, how: Callable[[DigestCache], None]) -> None:
        if self._cache is None:
            return
        try:
            how(self._cache)
        except OSError as error:  # the intent stays, and the next cycle forgets what this one touched
            log.warning("digests.not-saved", folder=str(self._folder), problem=str(error))

    def close(self) -> None:
        if self._cache is not None:
            self._cache.close()

    def _give_up(self, error: OSError) -> None:
        log.warning("digests.dropped", folder=str(self._folder), problem=str(error))
        self.close()
        self._cache = None
        digest_cache.drop(self._folder)


@contextmanager
def over(home: Path, source: Source, sizes: dict[str, int]) -> Iterator[CycleDigests]:
    """The cache for the source's next cycle. After an error, what was begun is abandoned; after a crash, the
    next cycle does that. Raises OSError if an unusable cache cannot be removed either."""
    folder = home / "digests" / source.machine_id
    digests = CycleDigests(folder, _open(folder, source, sizes))
    try:
        yield digests
    except Exception:
        digests.abandon()
        raise
    finally:
        digests.close()


def _open(folder: Path, source: Source, sizes: dict[str, int]) -> DigestCache | None:
    progress = source.progress
    try:
        return DigestCache(
            folder, source.setup.epoch, progress.last_seq, progress.next_seq, sizes, seams.reach
        )
    except OSError as error:
        log.warning("digests.dropped", folder=str(folder), problem=str(error))
        digest_cache.drop(folder)
        return None


def forget(home: Path, machine_id: str) -> None:
    """Remove the cache of a machine that is no longer replicated from here."""
    shutil.rmtree(home / "digests" / machine_id, ignore_errors=True)
