"""Find and run the host's programs, with a deadline and errors that name the remedy."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from guestkit import errors

SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin", "/bin"])


def find(name: str) -> Path:
    """Where program `name` is; raises BuildFailed when it is not installed."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise errors.BuildFailed(f"program {name} is not installed; run ./dev setup")
    return Path(found)


def run(arguments: Sequence[str | Path], cwd: Path | None = None, within_seconds: float = 300) -> str:
    """What the program printed; raises BuildFailed with its complaint when it fails or takes too long."""
    command = [find(str(arguments[0])), *arguments[1:]]
    try:
        done = subprocess.run(
            command, cwd=cwd, timeout=within_seconds, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise errors.BuildFailed(f"{arguments[0]} did not end within {within_seconds} s") from error
    if done.returncode != 0:
        raise errors.BuildFailed(f"{arguments[0]} failed ({done.returncode}): {done.stderr.strip()[-600:]}")
    return done.stdout


def passed_through(arguments: Sequence[str], content: bytes, within_seconds: float = 60) -> bytes:
    """What the program made of `content`; raises BuildFailed as `run` does."""
    command: list[str | Path] = [find(arguments[0]), *arguments[1:]]
    try:
        done = subprocess.run(
            command, input=content, timeout=within_seconds, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise errors.BuildFailed(f"{arguments[0]} did not end within {within_seconds} s") from error
    if done.returncode != 0:
        raise errors.BuildFailed(f"{arguments[0]} failed ({done.returncode}): {done.stderr.decode()[-600:]}")
    return done.stdout
