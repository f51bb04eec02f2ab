"""A replica's own data key: what its sealed files are encrypted with, whichever key the customer has.

It is random and never leaves the replica's record, where it lies wrapped by the customer's key (AES Key Wrap, RFC
3394). So another customer's key means another wrapping, and not one file is written again. Images have the same from
LUKS, whose key slots wrap a master key.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import encryption_key, errors
from .encryption_key import EncryptionKey

_BYTES: Final = 32
_WRAPPING: Final = "wrapped data key"

Wrapped = tuple[str, str]
"""The id of the customer's key, and the data key wrapped with it, in hex."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A data key in use. `customer` is the key that it was unwrapped with: an earlier release sealed files with that."""

    key_id: str
    secret: bytes = field(repr=False)
    customer: EncryptionKey

    def derive(self, purpose: str, salt: bytes | None = None, length: int = 32) -> bytes:
        """A key for one purpose; see `EncryptionKey.derive`."""
        return _derived(self.secret, purpose, salt, length)

    def digest(self, text: str) -> str:
        """64 hex digits that stand for a text, by which nobody without the key finds or guesses it (HMAC-SHA-256)."""
        return hmac.new(self.derive("digest"), text.encode(), "sha256").hexdigest()

    def wrapped(self, customer: EncryptionKey) -> Wrapped:
        """For the record, to be opened with that customer's key."""
        wrapped = keywrap.aes_key_wrap(customer.derive(_WRAPPING), self.secret)
        return customer.key_id, wrapped.hex()


FileKey = EncryptionKey | SealingKey


def make(customer: EncryptionKey) -> SealingKey:
    """A new random one."""
    return _of(secrets.token_bytes(_BYTES), customer)


def unwrap(kept: Collection[Wrapped], customer: EncryptionKey, about: str) -> SealingKey:
    """The data key that is kept for this customer's key. Raises KeyWrong."""
    try:
        wrapped = bytes.fromhex(dict(kept)[customer.key_id])
        return _of(keywrap.aes_key_unwrap(customer.derive(_WRAPPING), wrapped), customer)
    except (KeyError, ValueError, keywrap.InvalidUnwrap):
        raise errors.KeyWrong(
            f"{about} has no data key that key {customer.key_id} opens.",
            do="Put the key file back that was used before. If it is this one, the replica's record is damaged.",
        ) from None


def fitting(key: FileKey | None, key_id: str, about: str) -> FileKey:
    """The key for a file that was sealed with `key_id`; raises KeyMissing, KeyWrong."""
    if isinstance(key, SealingKey):
        if key.key_id == key_id:
            return key
        key = key.customer
    found = encryption_key.fitting(key, key_id, about)
    assert found is not None
    return found


def _of(secret: bytes, customer: EncryptionKey) -> SealingKey:
    return SealingKey(_derived(secret, "data key id", None, 8).hex(), secret, customer)


def _derived(secret: bytes, purpose: str, salt: bytes | None, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, f"secondsite {purpose}".encode()).derive(secret)
