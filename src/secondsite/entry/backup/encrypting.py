"""Encrypts backups: nobody can read the file without the passphrase, or alter it unnoticed.

A line of JSON says what it is and how the key is made of the passphrase (scrypt, RFC 7914). Pieces follow,
each encrypted with AES-256-GCM under its number; the line, the number and whether it is the last are
authenticated with it, so none can be left out, moved, or cut off. At the end is the SHA-256 of everything
before: it distinguishes damage by a disk or a copy from a wrong passphrase.
"""

import contextlib
import hashlib
import io
import json
import secrets
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ...domain import errors
from ...ground.units import KiB, MiB

BEGINS = b'{"secondsite_backup":'
PIECE_BYTES = MiB
MOST_LINE_BYTES = 64 * KiB
COST, BLOCK, PARALLEL = 1 << 17, 8, 1
"""Parameters of scrypt: each guess costs 128 MiB and half a second."""
MOST_COST = 1 << 20
DIGEST_BYTES = 32
LAST = 1 << 31
_LENGTH = struct.Struct(">I")
_PLACE = struct.Struct(">32sQ?")


@dataclass(frozen=True, slots=True)
class _Keys:
    cipher: AESGCM = field(repr=False)
    check: str
    """Tells whether a passphrase is wrong, and reveals nothing of the right one."""


def is_encrypted(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(BEGINS)) == BEGINS


@contextlib.contextmanager
def encrypting(file: BinaryIO, secret: bytes, about: Mapping[str, Any]) -> Iterator[BinaryIO]:
    """Encrypt what is written inside the context; `about` is stored before it in clear."""
    salt = secrets.token_bytes(32)
    keys = _keys(secret, salt, COST)
    said = {
        "secondsite_backup": 1,
        "kdf": "scrypt",
        "cost": COST,
        "salt": salt.hex(),
        "check": keys.check,
        "about": about,
    }
    writer = _Writer(file, keys.cipher, json.dumps(said, separators=(",", ":")).encode() + b"\n")
    buffered = io.BufferedWriter(writer, PIECE_BYTES)
    yield buffered
    buffered.flush()
    writer.end()


def about(path: Path) -> Mapping[str, Any]:
    """The part that is stored in clear. It is not authenticated yet. Raises BackupDamaged."""
    with path.open("rb") as file:
        said: Mapping[str, Any] = _line(file, path)[1]["about"]
        return said


@contextlib.contextmanager
def opening(path: Path, secret: bytes | None) -> Iterator[BinaryIO]:
    """The decrypted content. Raises BackupDamaged, KeyMissing or KeyWrong, also while it is read: do not use
    any of it before its end was read."""
    _require_whole(path)
    with path.open("rb") as file:
        line, said = _line(file, path)
        if secret is None:
            raise errors.KeyMissing(
                f"{path} is encrypted.", do="Name the file with its passphrase: --passphrase-file FILE."
            )
        keys = _keys(secret, bytes.fromhex(said["salt"]), said["cost"])
        if keys.check != said["check"]:
            raise errors.KeyWrong(
                f"The passphrase is not that of {path}.",
                do="Give the one that was used when the backup was made.",
            )
        yield io.BufferedReader(_Reader(file, keys.cipher, hashlib.sha256(line).digest(), path), PIECE_BYTES)


class _Writer(io.RawIOBase):
    def __init__(self, file: BinaryIO, cipher: AESGCM, line: bytes) -> None:
        self._file, self._cipher = file, cipher
        self._head = hashlib.sha256(line).digest()
        self._all = hashlib.sha256()
        self._number = 0
        self._pending = bytearray()
        self._put(line)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._pending += data
        while len(self._pending) > PIECE_BYTES:  # the last one is known at the end alone
            self._encrypt(bytes(self._pending[:PIECE_BYTES]), last=False)
            del self._pending[:PIECE_BYTES]
        return len(data)

    def end(self) -> None:
        self._encrypt(bytes(self._pending), last=True)
        self._file.write(self._all.digest())

    def _encrypt(self, piece: bytes, *, last: bool) -> None:
        encrypted = self._cipher.encrypt(
            _nonce(self._number), piece, _PLACE.pack(self._head, self._number, last)
        )
        self._put(_LENGTH.pack(len(encrypted) | (LAST if last else 0)))
        self._put(encrypted)
        self._number += 1

    def _put(self, data: bytes) -> None:
        self._all.update(data)
        self._file.write(data)


class _Reader(io.RawIOBase):
    def __init__(self, file: BinaryIO, cipher: AESGCM, head: bytes, path: Path) -> None:
        self._file, self._cipher, self._head, self._path = file, cipher, head, path
        self._number = 0
        self._ended = False
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any, /) -> int:
        while not self._rest and not self._ended:
            self._rest = memoryview(self._next())
        taken = min(len(into), len(self._rest))
        into[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def _next(self) -> bytes:
        head = self._file.read(_LENGTH.size)
        said = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        self._ended = bool(said & LAST)
        length = min(said & ~LAST, PIECE_BYTES + 16)
        place = _PLACE.pack(self._head, self._number, self._ended)
        try:
            piece = self._cipher.decrypt(_nonce(self._number), self._file.read(length), place)
        except (InvalidTag, ValueError) as error:
            raise errors.BackupDamaged(
                f"{self._path} was altered by somebody who does not know its passphrase: piece "
                f"{self._number} is not what was written."
            ) from error
        self._number += 1
        if self._ended and len(self._file.read(DIGEST_BYTES + 1)) != DIGEST_BYTES:
            raise errors.BackupDamaged(f"{self._path} was altered: something follows its last piece.")
        return piece


def _keys(secret: bytes, salt: bytes, cost: int) -> _Keys:
    base = Scrypt(salt, 32, cost, BLOCK, PARALLEL).derive(secret)

    def derived(purpose: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, None, b"secondsite backup " + purpose).derive(base)

    return _Keys(AESGCM(derived(b"data", 32)), derived(b"check", 8).hex())


def _nonce(number: int) -> bytes:
    """The nonce of a piece: its number, since each file has a key of its own."""
    return number.to_bytes(12, "big")


def _line(file: BinaryIO, path: Path) -> tuple[bytes, dict[str, Any]]:
    line = file.readline(MOST_LINE_BYTES)
    try:
        said = json.loads(line)
        known = said["secondsite_backup"] == 1 and said["kdf"] == "scrypt" and _is_cost(said["cost"])
        known = known and isinstance(said["about"], dict) and isinstance(said["check"], str)
        known = known and len(bytes.fromhex(said["salt"])) == DIGEST_BYTES
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path) from error
    if not known:
        raise errors.NotPossibleNow(
            f"{path} is encrypted in a way that this release does not know.",
            do="Restore it with a newer release.",
        )
    return line, said


def _is_cost(said: object) -> bool:
    """Whether these are parameters that scrypt accepts, and for which there is enough memory."""
    return type(said) is int and 1 < said <= MOST_COST and said.bit_count() == 1


def _require_whole(path: Path) -> None:
    with path.open("rb") as file:
        left = path.stat().st_size - DIGEST_BYTES
        digest = hashlib.sha256()
        while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
            digest.update(piece)
            left -= len(piece)
        if left < 0 or file.read() != digest.digest():
            raise _damaged(path)


def _damaged(path: Path) -> errors.BackupDamaged:
    return errors.BackupDamaged(f"{path} is not whole: it was cut off, or altered, since it was written.")
