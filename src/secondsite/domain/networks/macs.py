"""MAC addresses that are made here."""

import hashlib

OURS = "52:54:00"
"""The prefix of QEMU's MAC addresses."""


def made_of(words: str) -> str:
    """A MAC address, always the same for the same words."""
    digest = hashlib.sha256(words.encode()).hexdigest()
    return ":".join([OURS, *(digest[at : at + 2] for at in (0, 2, 4))])
