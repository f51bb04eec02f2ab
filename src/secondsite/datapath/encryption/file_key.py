"""A replica's own data key: it encrypts the replica's files, whichever key the customer has.

It is random and never leaves the replica's record, where it lies wrapped by the customer's key (AES Key
Wrap, RFC 3394). So a change of the customer's key means a new wrapping, and no file is rewritten. LUKS
does the same for images: its key slots wrap a master key."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .. import errors
from . import encryption_key
from .encryption_key import EncryptionKey

_BYTES: Final = 32
_WRAPPING: Final = "wrapped data key"

Wrapped = tuple[str, str]
"""The id of the customer's key, and the data key wrapped with it, in hex."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key in use. `customer` is the key that unwrapped it, with which an earlier release encrypted
    files."""

    key_id: str
    secret: bytes = field(repr=False)
    customer: EncryptionKey

    def derive(self, purpose: str, salt: bytes | None = None, length: int = 32) -> bytes:
        """A key for one purpose; see `EncryptionKey.derive`."""
        return _derived(self.secret, purpose, salt, length)

    def digest(self, text: str) -> str:
        """A keyed digest of a text, 64 hex digits; without the key nobody can guess the text
        (HMAC-SHA-256)."""
        return hmac.new(self.derive("digest"), text.encode(), "sha256").hexdigest()

    def wrapped(self, customer: EncryptionKey) -> Wrapped:
        """The data key wrapped with that customer's key, for the record."""
        wrapped = keywrap.aes_key_wrap(customer.derive(_WRAPPING), self.secret)
        return customer.key_id, wrapped.hex()


FileKey = EncryptionKey | DataKey


def make(customer: EncryptionKey) -> DataKey:
    """A new random data key."""
    return _of(secrets.token_bytes(_BYTES), customer)


def unwrap(kept: Collection[Wrapped], customer: EncryptionKey, about: str) -> DataKey:
    """The data key that is kept for this customer's key. Raises KeyWrong."""
    try:
        wrapped = bytes.fromhex(dict(kept)[customer.key_id])
        return _of(keywrap.aes_key_unwrap(customer.derive(_WRAPPING), wrapped), customer)
    except (KeyError, ValueError, keywrap.InvalidUnwrap):
        raise errors.KeyWrong(
            f"{about} has no data key that key {customer.key_id} opens.",
            do=(
                "Put the key file back that was used before. If it is this one, the replica's record is "
                "damaged."
            ),
        ) from None


def fitting(key: FileKey | None, key_id: str, about: str) -> FileKey:
    """The key for a file that was encrypted with `key_id`; raises KeyMissing, KeyWrong."""
    if isinstance(key, DataKey):
        if key.key_id == key_id:
            return key
        key = key.customer
    found = encryption_key.fitting(key, key_id, about)
    assert found is not None
    return found


def _of(secret: bytes, customer: EncryptionKey) -> DataKey:
    return DataKey(_derived(secret, "data key id", None, 8).hex(), secret, customer)


def _derived(secret: bytes, purpose: str, salt: bytes | None, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, f"secondsite {purpose}".encode()).derive(secret)
