"""A file encrypted in chunks, written once from front to back and read so: AES-256-GCM in the STREAM construction.

    magic, 12 bytes | key id, 16 | salt, 32 | chunks: length u32 (top bit: the last one) | ciphertext and tag, 16

Each file has a key of its own, derived from the replica's data key (an earlier release took the customer's) and a random salt, so that a chunk's number is nonce
enough; whether it is the last one is part of the nonce. So chunks can be neither changed, moved between files or
places, nor cut off unseen (Hoang, Reyhanitabar, Rogaway, Vizar: Online Authenticated-Encryption, 2015).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Protocol, Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import errors, sealing_key
from .replica_files import store_error, sync_folder, write_durably
from .sealing_key import FileKey, SealingKey
from .units import KiB

MAGIC: Final = b"SSsealed\x00\x01\x00\x00"
CHUNK_BYTES: Final = 256 * KiB
_KEY_ID_BYTES: Final = 16
_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_LENGTH: Final = struct.Struct("<I")
_LAST: Final = 1 << 31
_PURPOSE: Final = "sealed file"


class Readable(Protocol):
    """What a plain and a sealed file have in common. Offsets count bytes of the content."""

    def read(self, length: int, /) -> bytes: ...
    def tell(self) -> int: ...
    def seek(self, offset: int, /) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class SealedWriter:
    """Encrypts what is written and hands it to `put`. Without `finish` the file counts as torn."""

    def __init__(self, put: Callable[[bytes], None], key: FileKey) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._put = put
        self._cipher = AESGCM(key.derive(_PURPOSE, salt))
        self._waiting = bytearray()
        self._count = 0
        put(MAGIC + key.key_id.encode() + salt)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._waiting += data
        if len(self._waiting) > CHUNK_BYTES:
            waiting = memoryview(self._waiting)
            # the last chunk is never empty unless the file is: what fits a chunk exactly waits
            whole = (len(waiting) - 1) // CHUNK_BYTES * CHUNK_BYTES
            for start in range(0, whole, CHUNK_BYTES):
                self._seal(waiting[start : start + CHUNK_BYTES], last=False)
            rest = bytearray(waiting[whole:])
            waiting.release()
            self._waiting = rest

    def finish(self) -> None:
        """Write the last chunk; nothing may follow."""
        self._seal(self._waiting, last=True)

    def _seal(self, plain: bytearray | memoryview, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._count, last), plain, None)
        self._count += 1
        self._put(_LENGTH.pack(len(sealed) | (_LAST if last else 0)) + sealed)


class SealedReader:
    """Decrypts a file that is read from front to back. `read` raises CycleDamaged for what was changed or cut off."""

    def __init__(self, file: BinaryIO, path: Path, key: FileKey | None) -> None:
        """`file` stands behind the magic. Raises KeyMissing, KeyWrong, CycleDamaged."""
        self._file = file
        self._path = path
        head = file.read(_KEY_ID_BYTES + _SALT_BYTES)
        if len(head) < _KEY_ID_BYTES + _SALT_BYTES:
            raise self._damaged("it ends too early")
        key_id = head[:_KEY_ID_BYTES].decode("ascii", errors="replace")
        fitting = sealing_key.fitting(key, key_id, str(path))
        self._cipher = AESGCM(fitting.derive(_PURPOSE, head[_KEY_ID_BYTES:]))
        self._chunk = memoryview(b"")
        self._count = 0
        self._position = 0
        self._ended = False

    def read(self, length: int, /) -> bytes:
        """The next `length` bytes, fewer at the end."""
        found = []
        while length > 0 and (self._chunk or self._next_chunk()):
            found.append(self._chunk[:length])
            self._chunk = self._chunk[length:]
            length -= len(found[-1])
            self._position += len(found[-1])
        return b"".join(found)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, /) -> int:
        """Forward only."""
        assert offset >= self._position
        while self._position < offset and self.read(min(offset - self._position, CHUNK_BYTES)):
            pass
        return self._position

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _next_chunk(self) -> bool:
        if self._ended:
            return False
        packed = self._file.read(_LENGTH.size)
        length = _LENGTH.unpack(packed)[0] if len(packed) == _LENGTH.size else 0
        last, length = bool(length & _LAST), length & ~_LAST
        sealed = self._file.read(length) if length <= CHUNK_BYTES + _TAG_BYTES else b""
        if not length or len(sealed) < length:
            raise self._damaged("it ends too early")
        try:
            self._chunk = memoryview(self._cipher.decrypt(_nonce(self._count, last), sealed, None))
        except InvalidTag:
            raise self._damaged("a part of it is not what was written") from None
        self._count += 1
        self._ended = last
        return bool(self._chunk)

    def _damaged(self, what: str) -> errors.CycleDamaged:
        return errors.CycleDamaged(
            f"the encrypted file {self._path} is damaged at byte {self._file.tell()}: {what}",
            do="check the store's disk, remove the file and resynchronize the machine",
        )


def content(path: Path, key: FileKey | None) -> Readable:
    """What a file holds, from its begin, be it plain or sealed; raises OSError, KeyMissing, KeyWrong, CycleDamaged."""
    file = path.open("rb")
    try:
        if file.read(len(MAGIC)) == MAGIC:
            return SealedReader(file, path, key)
        file.seek(0)
        return cast(Readable, file)
    except errors.DatapathError:
        file.close()
        raise


def key_id_of(path: Path) -> str | None:
    """The id of the key that a file is sealed with, None if it is plain; raises OSError."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + _KEY_ID_BYTES)
    return head[len(MAGIC) :].decode("ascii", errors="replace") if head.startswith(MAGIC) else None


def sealed_bytes(content_bytes: int) -> int:
    """How long a sealed file with that much content is."""
    chunks = max(1, -(-content_bytes // CHUNK_BYTES))
    head = len(MAGIC) + _KEY_ID_BYTES + _SALT_BYTES
    return head + content_bytes + chunks * (_LENGTH.size + _TAG_BYTES)


def write(path: Path, data: bytes, key: FileKey | None) -> None:
    """A small file, sealed if there is a key; durable as `write_durably` is."""
    if key is not None:
        put: list[bytes] = []
        writer = SealedWriter(put.append, key)
        writer.write(data)
        writer.finish()
        data = b"".join(put)
    write_durably(path, data)


def read(path: Path, key: FileKey | None, most_bytes: int) -> bytes:
    """All that a small file holds, be it plain or sealed; raises as `content` does, and CycleDamaged."""
    with content(path, key) as file:
        return file.read(most_bytes)


def seal_again(path: Path, key: SealingKey) -> bool:
    """Seal a file, of whatever size, with the data key; False when it is so already. After a crash it is as it was
    or as it shall be. Raises StoreFull, and as `content` does."""
    if key_id_of(path) == key.key_id:
        return False
    part, times = path.with_name(f".{path.name}.part"), path.stat()
    try:
        with content(path, key) as old, part.open("wb") as file:
            writer = SealedWriter(_putting(file), key)
            while piece := old.read(CHUNK_BYTES):
                writer.write(piece)
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
        os.utime(part, ns=(times.st_atime_ns, times.st_mtime_ns))
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise store_error(error, path) from error
    finally:
        part.unlink(missing_ok=True)
    return True


def _putting(file: BinaryIO) -> Callable[[bytes], None]:
    def put(data: bytes) -> None:
        file.write(data)

    return put


def _nonce(count: int, last: bool) -> bytes:
    return count.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
