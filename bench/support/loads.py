"""How guests write: where, and how much at a time. Each load is a list of (offset, data) in writing order."""

from __future__ import annotations

import random
from collections.abc import Iterable

from bench.support import content
from secondsite.ground.units import KiB, MiB

PAGE_BYTES = 4 * KiB
JOURNAL_BYTES = 32 * MiB

Load = list[tuple[int, bytes]]


def scattered(disk_bytes: int, seed: int, count: int = 1500) -> Load:
    """Single pages of 4 KiB anywhere."""
    rng = random.Random(seed)
    pages = rng.sample(range(disk_bytes // PAGE_BYTES), count)
    return [(page * PAGE_BYTES, _page(rng)) for page in pages]


def sequential(disk_bytes: int, seed: int, size_bytes: int = 24 * MiB) -> Load:
    """One run, as a file that is written."""
    start = random.Random(seed).randrange((disk_bytes - size_bytes) // MiB) * MiB
    data = content.half_compressible(size_bytes, seed)
    return [(start + at, data[at : at + MiB]) for at in range(0, size_bytes, MiB)]


def database(disk_bytes: int, seed: int, transactions: int = 600) -> Load:
    """A journal of 16 KiB a transaction in a ring of 32 MiB, and two pages of 8 KiB each; nine of ten in a
    tenth of the table."""
    rng = random.Random(seed)
    table = disk_bytes // (8 * KiB)
    first = JOURNAL_BYTES // (8 * KiB)
    hot = first + (table - first) // 10
    writes: Load = []
    for number in range(transactions):
        record = (seed * transactions + number) * 16 * KiB % JOURNAL_BYTES
        writes.append((record, b"".join(_page(rng) for _ in range(4))))
        for _ in range(2):
            page = rng.randrange(first, hot if rng.random() < 0.9 else table)
            writes.append((page * 8 * KiB, _page(rng) + _page(rng)))
    return writes


def pages(load: Iterable[tuple[int, bytes]]) -> dict[int, bytes]:
    """What the pages that the load changed hold after it, by offset."""
    held: dict[int, bytes] = {}
    for offset, data in load:
        for at in range(0, len(data), PAGE_BYTES):
            held[offset + at] = data[at : at + PAGE_BYTES]
    return held


def _page(rng: random.Random) -> bytes:
    return rng.randbytes(PAGE_BYTES // 2) + b"same" * (PAGE_BYTES // 8)
