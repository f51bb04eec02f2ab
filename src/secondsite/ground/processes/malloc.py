"""Makes a process keep freed memory that it needs again a moment later.

glibc returns the end of its heap to the kernel at once, which clears every page again. Measured in a virtual
machine: unpacking 1 GiB of frames cost 1.5 s of processor time, 1.3 s of it page faults; with this, 0.1 s.

What is kept costs memory. Measured alternately with 20 machines, on a busy host: compare only within the
table.

    trim     mmap   arenas   source, target MB   processor seconds per GiB
    8 MiB    4 MiB  4        126-144, 117-132    1.95-2.34
    8 MiB    4 MiB  2        119-150, 92-97      2.15-2.48   what is set here
    2 MiB    4 MiB  2        128-141, 87-114     -
    256 KiB  -      2        84-86, 81           2.8-3.7     as of the first release
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
from typing import Final

from ..units import KiB, MiB

KEPT_BYTES: Final = 8 * MiB
"""How many bytes one heap keeps: more than unpacking a frame needs."""

HEAPS: Final = 2

BUFFER_BYTES: Final = 512 * KiB
"""What a process keeps that takes 256 KiB for each connection with TLS, as asyncio does, and else small
things. Measured of a vault, beside KEPT_BYTES: a new connection costs 2 page faults (1; of 128 KiB 75), all
answers the same processor, and 1,000 machines 4 to 8 MB less; with one heap for two, 7 to 9 MB less again."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # the M_... of malloc.h

ENVIRONMENT: Final = {"MALLOC_TRIM_THRESHOLD_": str(32 * MiB), "MALLOC_MMAP_THRESHOLD_": str(4 * MiB)}
"""The same for a storage daemon that we start: at times it has 16 writes of 1 MiB in flight, and its
read-ahead."""


@functools.cache
def keep_for_reuse() -> None:
    """Have this process keep some freed memory, KEPT_BYTES times HEAPS at most; harmless when repeated."""
    _set(KEPT_BYTES, mapped_from_bytes=4 * MiB, heaps=HEAPS)


def keep_buffers() -> None:
    """Have this process keep as much as the buffers of a connection; what is larger goes back whenever it is
    freed."""
    _set(BUFFER_BYTES, mapped_from_bytes=BUFFER_BYTES, heaps=1)


def _set(kept_bytes: int, mapped_from_bytes: int, heaps: int) -> None:
    with contextlib.suppress(AttributeError, OSError):  # another C library than glibc
        libc = ctypes.CDLL(None)
        libc.mallopt(_TRIM_THRESHOLD, kept_bytes)
        libc.mallopt(_MMAP_THRESHOLD, mapped_from_bytes)
        libc.mallopt(_ARENA_MAX, heaps)


def give_back() -> None:
    """Return free memory from the middle of the heaps to the kernel: glibc does that only for their ends. Of
    a vault with 1,000 machines that was 17 MB after a batch, and took 2.5 ms."""
    with contextlib.suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
