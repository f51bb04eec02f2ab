"""The digest of a disk as appliances make it: xxh3-128 over those of its 64 KiB blocks, a block of zeros
being sixteen zero bytes.

Python's standard library has no xxh3, and in pure Python a disk would take days. Debian's libxxhash has it,
which apt itself needs."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import struct
from typing import Any

LIBRARY = "libxxhash.so.0"
BLOCK_BYTES = 64 * 1024
DIGEST_BYTES = 16
_ZEROS = bytes(256 * 1024)


class _Hash(ctypes.Structure):
    """A digest as the library returns it; in records the high half comes first."""

    _fields_ = (("low", ctypes.c_uint64), ("high", ctypes.c_uint64))

    def raw(self) -> bytes:
        return struct.pack(">QQ", self.high, self.low)


@functools.cache
def library() -> Any:
    """The library; None if it is not installed."""
    try:
        found = ctypes.CDLL(LIBRARY)
        found.XXH3_128bits.restype = found.XXH3_128bits_digest.restype = _Hash
        found.XXH3_128bits.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        found.XXH3_createState.restype = ctypes.c_void_p
        found.XXH3_128bits_update.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        for name in ("XXH3_128bits_reset", "XXH3_128bits_digest", "XXH3_freeState"):
            getattr(found, name).argtypes = (ctypes.c_void_p,)
    except (OSError, AttributeError):
        return None
    return found


class DiskDigest:
    """The digest of a disk whose content is given in order; the library must be installed."""

    def __init__(self) -> None:
        self._lib = library()
        self._state = self._lib.XXH3_createState()
        self._lib.XXH3_128bits_reset(self._state)
        self._zero = self._of_zeros(BLOCK_BYTES)

    def data(self, data: bytearray) -> None:
        """Add the next bytes; whole blocks, except at the end of the disk."""
        start = ctypes.addressof(ctypes.c_char.from_buffer(data))
        entries = b"".join(
            self._entry(start + at, min(BLOCK_BYTES, len(data) - at))
            for at in range(0, len(data), BLOCK_BYTES)
        )
        self._lib.XXH3_128bits_update(self._state, entries, len(entries))

    def zeros(self, length: int) -> None:
        count = -(-length // BLOCK_BYTES) * DIGEST_BYTES
        for at in range(0, count, len(_ZEROS)):
            self._lib.XXH3_128bits_update(self._state, _ZEROS, min(len(_ZEROS), count - at))

    def hexdigest(self) -> str:
        return bytes(self._lib.XXH3_128bits_digest(self._state).raw()).hex()

    def close(self) -> None:
        self._lib.XXH3_freeState(self._state)

    def _entry(self, address: int, length: int) -> bytes:
        found = bytes(self._lib.XXH3_128bits(address, length).raw())
        zero = self._zero if length == BLOCK_BYTES else self._of_zeros(length)
        return bytes(DIGEST_BYTES) if found == zero else found

    def _of_zeros(self, length: int) -> bytes:
        return bytes(self._lib.XXH3_128bits(_ZEROS, length).raw())


def opened() -> contextlib.closing[DiskDigest]:
    """A new digest; the library frees its memory when the context ends."""
    return contextlib.closing(DiskDigest())
