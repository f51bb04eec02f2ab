"""The keys of an encrypted image: LUKS key slots, through `qemu-img amend` (QEMU 5.1 and later). Nobody may have
the image open."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..encryption import EncryptionKey
from ..errors import ImageProblem
from . import image

_WRONG: Final = "cannot unlock any keyslot"


def opens(path: Path, key: EncryptionKey) -> bool:
    """Whether an image opens with a key; raises ImageProblem when it cannot be opened at all."""
    try:
        # 'info' would open no key slot
        image.run("map", "--output=json", "--max-length=512", *image.opened(path, key), about=path)
    except ImageProblem as problem:
        if _WRONG in problem.message:
            return False
        raise
    return True


def add(path: Path, key: EncryptionKey, new: EncryptionKey) -> None:
    """Make an image that opens with `key` open with `new` too; harmless if it does. Takes most of a second of
    processor time."""
    if not opens(path, new):
        options = f"encrypt.state=active,encrypt.new-secret={new.name},{image.KEY_STRETCHING}"
        image.measured(lambda: _amend(path, key, new, options))


def remove(path: Path, key: EncryptionKey, old: EncryptionKey) -> None:
    """Stop an image that opens with `key` from opening with `old`."""
    if opens(path, old):
        _amend(path, key, old, f"encrypt.state=inactive,encrypt.old-secret={old.name}")


def _amend(path: Path, key: EncryptionKey, other: EncryptionKey, options: str) -> None:
    secret = image.secret_arguments(other)
    image.run("amend", "-q", *secret, "-o", options, *image.opened(path, key), about=path)
