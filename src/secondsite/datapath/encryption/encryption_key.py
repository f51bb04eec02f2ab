"""The customer's key for encryption at rest: one file that stays where the data is and is never sent
anywhere.

The file's content, every byte of it, is the LUKS passphrase of all images, so that plain QEMU opens them
with the same file; keys for other files are derived from it (HKDF, RFC 5869). Its id is derived too: it
tells keys apart and reveals nothing of the key."""

from __future__ import annotations

import base64
import secrets
import stat
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...ground import durable
from .. import errors

LEAST_BYTES: Final = 43
"""256 random bits in base64, without its padding."""
_MOST_BYTES: Final = 4096
_LEAST_PACKED_BYTES: Final = 40
"""The shortest random text takes about 50 bytes compressed; a text that compresses to less than this repeats
itself."""
_RANDOM_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A valid key. Only `path` and `key_id` may be shown."""

    path: Path
    key_id: str
    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What QEMU calls its secret object."""
        return f"key-{self.key_id}"

    def derive(self, purpose: str, salt: bytes | None = None, length: int = 32) -> bytes:
        """A key for one purpose; neither this key nor one for another purpose can be computed from it."""
        return _derived(self.secret, purpose, salt, length)


def load(path: Path) -> EncryptionKey:
    """The key in a file; raises KeyMissing if it is absent, readable by others, too short, or no text."""
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
    """Write a key to a new file of mode 0600, durably. Raises KeyMissing if the file exists, or the
    content is no key or plainly not random."""
    _check(content, path)
    _check_random(content)
    try:
        durable.write_new(path, content)
    except OSError as error:
        raise errors.KeyMissing(
            f"The encryption key {path} cannot be written: {error.strerror or error}.",
            do="Name a file that is not there yet, in a folder that you may write to.",
        ) from None
    return load(path)


def fitting(key: EncryptionKey | None, key_id: str | None, about: str) -> EncryptionKey | None:
    """The key for what was encrypted with `key_id`, None if it is plain; raises KeyMissing, KeyWrong."""
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
            do="Put the key file back that was used before and restart the appliance, unless other replicas "
            "open with the present one: then give this one the present key with 'secondsite appliance "
            "change-key'. Nothing is lost meanwhile.",
        )
    return key


def _check(content: bytes, path: Path) -> None:
    """Raise KeyMissing unless QEMU accepts the content: UTF-8 without NUL. Besides, only the length of a
    secret can be checked, so the key must be random."""
    try:
        usable = "\0" not in content.decode()
    except UnicodeDecodeError:
        usable = False
    if not usable or not LEAST_BYTES <= len(content) <= _MOST_BYTES:
        raise errors.KeyMissing(
            f"{path} is not an encryption key: a key is random text of {LEAST_BYTES} to {_MOST_BYTES} bytes.",
            do="Make one with 'secondsite appliance set-key', or with 'openssl rand -base64 32'.",
        )


def _check_random(content: bytes) -> None:
    """Raise KeyMissing for a key that is plainly not random. A key that is in use already is not checked:
    what it encrypted is needed. A repeated text is noticed; a sentence from a book is not."""
    if len(zlib.compress(content, 9)) < _LEAST_PACKED_BYTES:
        raise errors.KeyMissing(
            "That key repeats itself, so it can be guessed.",
            do=(
                "Make a random one: 'secondsite appliance set-key' without a file, or 'openssl rand -base64 "
                "32'."
            ),
        )


def _derived(secret: bytes, purpose: str, salt: bytes | None, length: int) -> bytes:
    info = f"secondsite {purpose}".encode()
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
