"""The agent's program that this appliance hands out."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

from ...domain import errors

VERSION_SECONDS = 20.0
BUILD = "Build it with './dev agent', and name it with --program."


def sha256_of(program: Path) -> str:
    return hashlib.sha256(program.read_bytes()).hexdigest()


def version_of(program: Path) -> str:
    """What the program says of itself. Raises InvalidArgument."""
    require_program(program)
    try:
        asked = [str(program.absolute()), "--version"]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=VERSION_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as problem:
        raise errors.InvalidArgument(f"{program} is no agent's program: {problem}.", do=BUILD) from problem
    said = told.stdout.strip()
    if not re.fullmatch(r"[A-Za-z0-9.+~-]{1,64}", said):
        raise errors.InvalidArgument(f"{program} says no version.", do=BUILD)
    return said


def require_program(program: Path) -> None:
    if not program.is_file():
        raise errors.InvalidArgument(f"There is no program {program}.", do=BUILD)
