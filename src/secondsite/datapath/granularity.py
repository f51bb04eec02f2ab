"""The few numbers that both ends of the data path agree on, in bytes."""

from __future__ import annotations

from typing import Final

from ..ground.units import KiB, MiB

BLOCK_BYTES: Final = 64 * KiB
"""The granularity of dirty bitmaps and of comparison."""

PAGE_BYTES: Final = 4 * KiB
"""The granularity of changes inside a dirty block."""

CHUNK_BYTES: Final = 1 * MiB
"""The most bytes of one read and of one frame."""

DIGEST_BYTES: Final = 16
"""One xxh3-128."""
