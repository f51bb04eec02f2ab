"""The digest cache of a machine around one of its cycles: `home/digests/MACHINE`.

Replication needs no cache to be right, only to be sparing: whatever goes wrong with its files (no room, a broken
disk), the cache is dropped and the cycle goes on without.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from ..datapath import digest_cache
from ..datapath.digest_cache import DigestCache
from ..datapath.extents import Extent
from ..datapath.sift import Known
from ..jobs import seams
from .source import Source
from .sync_pass import DiskPart

log = structlog.get_logger(__name__)


class HeldPages:
    """What the target holds of each disk, for one cycle. Invariant: nothing is noted before an intent is durable."""

    def __init__(self, folder: Path, cache: DigestCache | None) -> None:
        self._folder = folder
        self._cache = cache

    def begin(self, seq: int, parts: Sequence[DiskPart], touched: dict[str, list[Extent]]) -> None:
        """Cycle `seq` may send or compare `touched`. A pass that begins knows nothing of its disk."""
        if self._cache is None:
            return
        try:
            for part in parts:
                if part.mode is not None and part.slice_start == 0:
                    self._cache.forget(part.key)
            self._cache.begin(seq, touched)
        except OSError as error:
            self._give_up(error)

    def of(self, key: str) -> Known | None:
        """What is known of a disk; None without a cache."""
        return self._cache.of(key) if self._cache is not None else None

    def commit(self) -> None:
        """The cycle is durable there, and on record here."""
        self._end(DigestCache.commit)

    def abandon(self) -> None:
        """The cycle failed, or nobody knows how it ended."""
        self._end(DigestCache.abandon)

    def _end(self, how: Callable[[DigestCache], None]) -> None:
        if self._cache is None:
            return
        try:
            how(self._cache)
        except OSError as error:  # the intent stays, and the next cycle forgets what this one touched
            log.warning("digests.unsaved", folder=str(self._folder), problem=str(error))

    def close(self) -> None:
        if self._cache is not None:
            self._cache.close()

    def _give_up(self, error: OSError) -> None:
        log.warning("digests.dropped", folder=str(self._folder), problem=str(error))
        self.close()
        self._cache = None
        digest_cache.drop(self._folder)


@contextmanager
def over(home: Path, source: Source, sizes: dict[str, int]) -> Iterator[HeldPages]:
    """The cache for the source's next cycle. What was begun and not committed is abandoned at an error; a process
    that dies leaves it to the next cycle. Raises OSError if a cache that cannot be used cannot be removed either."""
    folder = home / "digests" / source.machine_id
    held = HeldPages(folder, _open(folder, source, sizes))
    try:
        yield held
    except Exception:
        held.abandon()
        raise
    finally:
        held.close()


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
    """The machine is not replicated from here any more."""
    shutil.rmtree(home / "digests" / machine_id, ignore_errors=True)
