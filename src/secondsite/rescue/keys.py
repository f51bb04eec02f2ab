"""The key of an encrypted store: a file that QEMU is told the name of."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from .problems import Problem
from .store import Replica

_INFO = b"secondsite key id"


def key_for(replica: Replica, key_file: Path | None) -> Path | None:
    """The key file if the replica is encrypted, None if it is plain. Raises Problem for a key that does
    not open it."""
    if replica.key_id is None:
        return None
    needed = {replica.key_id, replica.record.get("next_key_id")}
    if key_file is None:
        raise Problem(
            f"{replica.name} is encrypted with key {replica.key_id}.", "Give the key's file: --key-file FILE."
        )
    try:
        found = key_id(key_file.read_bytes())
    except OSError as error:
        raise Problem(f"The key file {key_file} cannot be read: {error.strerror}.") from None
    if found not in needed:
        raise Problem(
            f"{replica.name} is encrypted with key {replica.key_id}, and {key_file} holds key {found}.",
            "Every byte of the file counts, a newline at its end too.",
        )
    return key_file.absolute()


def key_id(secret: bytes) -> str:
    """What tells keys apart and reveals nothing of the key (HKDF with SHA-256, RFC 5869, 8 bytes)."""
    fixed = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(fixed, _INFO + b"\x01", hashlib.sha256).digest()[:8].hex()
