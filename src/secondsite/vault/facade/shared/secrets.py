"""Keys and tokens: random, shown once, kept as their digest."""

import hashlib
import secrets

KEY_BYTES = 20
TOKEN_BYTES = 32


def new_key() -> str:
    """A registration key of 160 random bits, in words of four that can be read out."""
    digits = secrets.token_hex(KEY_BYTES)
    return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def new_token() -> str:
    """An access token of 256 random bits."""
    return f"sst_{secrets.token_urlsafe(TOKEN_BYTES)}"


def digest(secret: str) -> str:
    """sha256 in hex. A secret of this length needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
