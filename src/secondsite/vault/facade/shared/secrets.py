"""Secrets of keys and tokens: random, shown once, kept as their digest."""

import hashlib
import re
import secrets

KEY_BYTES = 20
TOKEN_BYTES, LINK_BYTES = 32, 24
TOKEN = re.compile(r"sst_[A-Za-z0-9_-]{43}")
LINK = re.compile(r"ssl_[A-Za-z0-9_-]{32}")
SESSION = re.compile(r"sss_[A-Za-z0-9_-]{43}")


def new_key() -> str:
    """A registration key of 160 random bits, in words of four that can be read out."""
    digits = secrets.token_hex(KEY_BYTES)
    return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def new_token() -> str:
    """An access token of 256 random bits."""
    return f"sst_{secrets.token_urlsafe(TOKEN_BYTES)}"


def is_token(text: str) -> bool:
    """Whether the text has the form of an access token; other texts need not be looked up."""
    return TOKEN.fullmatch(text) is not None


def new_session() -> str:
    """The secret of a session, of 256 random bits."""
    return f"sss_{secrets.token_urlsafe(TOKEN_BYTES)}"


def new_link() -> str:
    """The code of a link that lets in once, of 192 random bits."""
    return f"ssl_{secrets.token_urlsafe(LINK_BYTES)}"


def new_poll() -> str:
    """The secret by which a command line asks whether it was let in, of 256 random bits."""
    return f"ssp_{secrets.token_urlsafe(TOKEN_BYTES)}"


def new_login() -> str:
    """What a browser keeps while it is at a provider, of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_link(text: str) -> bool:
    """Whether the text has the form of a link's code."""
    return LINK.fullmatch(text) is not None


def new_mark() -> str:
    """A random digest, of which there is no secret."""
    return secrets.token_hex(32)


def is_session(text: str) -> bool:
    """Whether the text has the form of a session's secret."""
    return SESSION.fullmatch(text) is not None


def digest(secret: str) -> str:
    """The secret's SHA-256, in hex. A secret of this length needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def trusted(ca_pem: str | None) -> str:
    """Certificates as they are compared: what is blank around them is none of theirs, and forms drop it."""
    return (ca_pem or "").strip()
