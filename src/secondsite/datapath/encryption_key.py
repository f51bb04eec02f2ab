"""The customer's key for encryption at rest: one file that stays where the data is, and never goes anywhere else.

The file's content, every byte of it, is the LUKS passphrase of all images, so that plain QEMU opens them with the
same file; keys for other files are derived from it (HKDF, RFC 5869). Its id tells keys apart and tells nothing of the
key: it is derived too.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import errors
from .replica_files import sync_folder

LEAST_BYTES: Final = 43
"""256 random bits in base64, without its padding."""
_MOST_BYTES: Final = 4096
_RANDOM_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A key file that was read and found good. Only `path` and `key_id` are for the eyes of others."""

    path: Path
    key_id: str
    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What QEMU calls its secret object."""
        return f"key-{self.key_id}"

    def derive(self, purpose: str, salt: bytes | None = None, length: int = 32) -> bytes:
        """A key for one purpose, from which neither this one nor one for another purpose can be found."""
        return _derived(self.secret, purpose, salt, length)


def load(path: Path) -> EncryptionKey:
    """The key in a file; raises KeyMissing when it is absent, open to others, too short, or no text."""
    path = path.absolute()
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise errors.KeyMissing(
            f"The encryption key {path} cannot be read: {error.strerror or error}.",
            do="Put the key file back, or mount the medium that holds it; then restart the appliance.",
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise errors.KeyMissing(
            f"The encryption key {path} can be read by others (mode {stat.S_IMODE(mode):04o}).",
            do=f"Run 'chmod 600 {path}', ask whether the key is still a secret, and restart the appliance.",
        )
    _check(content, path)
    return EncryptionKey(path, _derived(content, "key id", None, 8).hex(), content)


def make(path: Path) -> EncryptionKey:
    """A new random key in a new file of mode 0600; raises KeyMissing when the file cannot be made."""
    return write(path, base64.b64encode(secrets.token_bytes(_RANDOM_BYTES)))


def write(path: Path, content: bytes) -> EncryptionKey:
    """Keep a key in a new file of mode 0600, durably. Raises KeyMissing for a file that is there, or content that is no key."""
    _check(content, path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike a rename it replaces nothing
        sync_folder(path.parent)
    except OSError as error:
        raise errors.KeyMissing(
            f"The encryption key {path} cannot be written: {error.strerror or error}.",
            do="Name a file that is not there yet, in a folder that you may write to.",
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return load(path)


def fitting(key: EncryptionKey | None, key_id: str | None, about: str) -> EncryptionKey | None:
    """The key for what was encrypted with `key_id`, None for what is plain; raises KeyMissing, KeyWrong."""
    if key_id is None:
        return None
    if key is None:
        raise errors.KeyMissing(
            f"{about} is encrypted with key {key_id}, and the appliance has no key.",
            do="Give the appliance its key file again and restart it; nothing is lost meanwhile.",
        )
    if key.key_id != key_id:
        raise errors.KeyWrong(
            f"{about} is encrypted with key {key_id}, but {key.path} holds key {key.key_id}.",
            do="Put the key file back that was used before and restart the appliance; nothing is lost meanwhile.",
        )
    return key


def _check(content: bytes, path: Path) -> None:
    """QEMU takes UTF-8 without NUL. Length is all that can be asked of a secret, so the key must be random."""
    try:
        usable = "\0" not in content.decode()
    except UnicodeDecodeError:
        usable = False
    if not usable or not LEAST_BYTES <= len(content) <= _MOST_BYTES:
        raise errors.KeyMissing(
            f"{path} is no encryption key: a key is random text of {LEAST_BYTES} to {_MOST_BYTES} bytes.",
            do="Make one with 'secondsite appliance set-key', or with 'openssl rand -base64 32'.",
        )


def _derived(secret: bytes, purpose: str, salt: bytes | None, length: int) -> bytes:
    info = f"secondsite {purpose}".encode()
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
