"""A file encrypted in chunks, written once and read from front to back: AES-256-GCM in the STREAM
construction.

    magic, 12 bytes | key id, 16 | salt, 32 | chunks: length u32 (top bit: the last one) | ciphertext and tag, 16

Each file has its own key, derived from the replica's data key (in an earlier release from the customer's)
and a random salt, so the chunk's number can be the nonce, together with whether it is the last. Chunks
that are changed, moved or cut off are therefore noticed (Hoang, Reyhanitabar, Rogaway, Vizar: Online
Authenticated-Encryption, 2015)."""  # noqa: E501

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, Protocol, Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...ground import durable, real_files
from ...ground.units import KiB
from .. import errors
from ..files import store_error, write_durably
from . import file_key
from .file_key import DataKey, FileKey

MAGIC: Final = b"SSsealed\x00\x01\x00\x00"
CHUNK_BYTES: Final = 256 * KiB
_KEY_ID_BYTES: Final = 16
_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_LENGTH: Final = struct.Struct("<I")
_LAST: Final = 1 << 31
_PURPOSE: Final = "sealed file"


class Readable(Protocol):
    """What plain and encrypted files have in common. Offsets count bytes of the content."""

    def read(self, length: int, /) -> bytes: ...
    def tell(self) -> int: ...
    def seek(self, offset: int, /) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class EncryptedWriter:
    """Encrypts what is written and passes it to `put`. Without `finish` the file counts as damaged."""

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
            # The last chunk is empty only in an empty file: a full chunk waits for more.
            whole = (len(waiting) - 1) // CHUNK_BYTES * CHUNK_BYTES
            for start in range(0, whole, CHUNK_BYTES):
                self._encrypt(waiting[start : start + CHUNK_BYTES], last=False)
            rest = bytearray(waiting[whole:])
            waiting.release()
            self._waiting = rest

    def finish(self) -> None:
        """Write the last chunk; nothing may follow."""
        self._encrypt(self._waiting, last=True)

    def _encrypt(self, plain: bytearray | memoryview, *, last: bool) -> None:
        encrypted = self._cipher.encrypt(_nonce(self._count, last), plain, None)
        self._count += 1
        self._put(_LENGTH.pack(len(encrypted) | (_LAST if last else 0)) + encrypted)


class EncryptedReader:
    """Decrypts a file from front to back. `read` raises CycleDamaged if it was changed or cut off."""

    def __init__(self, file: BinaryIO, path: Path, key: FileKey | None) -> None:
        """`file` is positioned after the magic. Raises KeyMissing, KeyWrong, CycleDamaged."""
        self._file = file
        self._path = path
        head = file.read(_KEY_ID_BYTES + _SALT_BYTES)
        if len(head) < _KEY_ID_BYTES + _SALT_BYTES:
            raise self._damaged("it ends too early")
        key_id = head[:_KEY_ID_BYTES].decode("ascii", errors="replace")
        fitting = file_key.fitting(key, key_id, str(path))
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
        """Move to a later offset; only forward."""
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
        encrypted = self._file.read(length) if length <= CHUNK_BYTES + _TAG_BYTES else b""
        if not length or len(encrypted) < length:
            raise self._damaged("it ends too early")
        try:
            self._chunk = memoryview(self._cipher.decrypt(_nonce(self._count, last), encrypted, None))
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
    """The content of an encrypted file or, without a key, of a plain one. With a key, a plain file is
    refused: somebody put it there who can write to the folder and lacks the key. Raises OSError, KeyMissing,
    KeyWrong, CycleDamaged."""
    file = real_files.opened(path)
    try:
        if file.read(len(MAGIC)) == MAGIC:
            return EncryptedReader(file, path, key)
        if key is not None:
            raise _not_encrypted(path)
        file.seek(0)
        return cast(Readable, file)
    except errors.DatapathError:
        file.close()
        raise


def _not_encrypted(path: Path) -> errors.CycleDamaged:
    return errors.CycleDamaged(
        f"{path} is not encrypted, though all files of its replica are",
        do="find out who can write to the store, remove the file and resynchronize the machine",
    )


def key_id_of(path: Path) -> str | None:
    """The id of the key that a file is encrypted with, None if it is plain; raises OSError."""
    with real_files.opened(path) as file:
        head = file.read(len(MAGIC) + _KEY_ID_BYTES)
    return head[len(MAGIC) :].decode("ascii", errors="replace") if head.startswith(MAGIC) else None


def encrypted_bytes(content_bytes: int) -> int:
    """The length of an encrypted file with that much content."""
    chunks = max(1, -(-content_bytes // CHUNK_BYTES))
    head = len(MAGIC) + _KEY_ID_BYTES + _SALT_BYTES
    return head + content_bytes + chunks * (_LENGTH.size + _TAG_BYTES)


def write(path: Path, data: bytes, key: FileKey | None) -> None:
    """Write a small file durably, encrypted if there is a key. Raises StoreFull, ImageProblem."""
    if key is not None:
        put: list[bytes] = []
        writer = EncryptedWriter(put.append, key)
        writer.write(data)
        writer.finish()
        data = b"".join(put)
    write_durably(path, data)


def read(path: Path, key: FileKey | None, most_bytes: int) -> bytes:
    """The content of a small file; raises as `content` does, and CycleDamaged."""
    with content(path, key) as file:
        return file.read(most_bytes)


def encrypt_again(path: Path, key: DataKey) -> bool:
    """Encrypt a file of any size with the data key; False if it already is. A crash leaves the old file or
    the new one. Raises StoreFull, and as `content` does."""
    if key_id_of(path) == key.key_id:
        return False
    times = path.stat()
    try:
        with content(path, key) as old, durable.replacing(path) as file:
            writer = EncryptedWriter(_putting(file), key)
            while piece := old.read(CHUNK_BYTES):
                writer.write(piece)
            writer.finish()
            file.flush()
            os.utime(file.fileno(), ns=(times.st_atime_ns, times.st_mtime_ns))
    except OSError as error:
        raise store_error(error, path) from error
    return True


def _putting(file: BinaryIO) -> Callable[[bytes], None]:
    def put(data: bytes) -> None:
        file.write(data)

    return put


def _nonce(count: int, last: bool) -> bytes:
    return count.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
