"""Reads the secret of the TSIG key that changes names, from a file that nobody else can read."""

import base64
import binascii
import os
import stat
from pathlib import Path

from ....domain import errors

OTHERS = stat.S_IRWXG | stat.S_IRWXO
MOST_BYTES = 4096
FEWEST_BYTES = 16
"""The shortest secret: a shorter one can be guessed."""


def read(path: Path) -> bytes:
    """The secret as bytes. Raises NotPossibleNow for a file that is missing, open to others, or holds
    none."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        raise _refused(f"cannot be read: {problem.strerror}", "Put the key's secret there.") from None
    with open(number, "rb") as file:
        _require_own(path, os.fstat(number))
        text = file.read(MOST_BYTES)
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        found = b""
    if len(found) < FEWEST_BYTES:
        raise _refused(
            f"holds no secret of at least {FEWEST_BYTES} bytes as base64",
            "Put what 'tsig-keygen' or 'keymgr -t' says after 'secret' there, and nothing else.",
        )
    return found


def _require_own(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _refused("is not a plain file", "Put the key's secret itself there.")
    if status.st_uid not in (0, os.geteuid()):
        raise _refused(
            f"belongs to user {status.st_uid}, neither to root nor to the appliance's user",
            f"Run 'chown root {path}' or let the appliance's user have it.",
        )
    if status.st_mode & OTHERS:
        raise _refused(
            "can be read or written by others than its owner", f"Make a new key, and run 'chmod 600 {path}'."
        )


def _refused(what: str, do: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(f"the file of the DNS key {what}.", do=do)
