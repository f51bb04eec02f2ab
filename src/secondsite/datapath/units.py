"""Sizes in bytes, and the few numbers that both ends of the data path agree on."""

from __future__ import annotations

from typing import Final

KiB: Final = 1024
MiB: Final = 1024 * KiB
GiB: Final = 1024 * MiB
TiB: Final = 1024 * GiB

BLOCK_BYTES: Final = 64 * KiB
"""What dirty bitmaps count in, and what digests compare."""

PAGE_BYTES: Final = 4 * KiB
"""What is told apart inside a dirty block."""

CHUNK_BYTES: Final = 1 * MiB
"""The most that one read asks and one frame carries."""

GAP_BYTES: Final = 256 * KiB
"""Unchanged bytes between two extents that are cheaper to read than to skip."""

DIGEST_BYTES: Final = 16
"""One xxh3-128."""
