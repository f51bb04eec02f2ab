"""Reads the passphrase of a backup, or a key, from a file."""

import stat
import sys
from pathlib import Path

from ...domain import errors

LEAST_CHARACTERS = 12
STANDARD_INPUT = Path("-")


def read(file: Path | None) -> bytes | None:
    """The first line of a file that only its owner can read; None if no file is named. Raises KeyMissing."""
    if file is None:
        return None
    try:
        text = sys.stdin.readline() if file == STANDARD_INPUT else _private(file)
    except (OSError, ValueError) as error:
        raise errors.KeyMissing(
            f"The passphrase in {file} cannot be read: {error}.", do="Name the file that it is in."
        ) from error
    found = text.partition("\n")[0].strip().encode()
    if len(found) < LEAST_CHARACTERS:
        raise errors.KeyMissing(
            f"A passphrase has at least {LEAST_CHARACTERS} characters: a shorter one can be guessed.",
            do="Make one: 'openssl rand -base64 32'.",
        )
    return found


def _private(file: Path) -> str:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        raise errors.KeyMissing(
            f"The passphrase in {file} can be read by others (mode {mode:04o}).",
            do=f"Run 'chmod 600 {file}'.",
        )
    return file.read_text()
