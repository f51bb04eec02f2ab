"""A file system of a few MiB, that can be full."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOUNT_SECONDS = 20


class NoRight(Exception):
    """File systems may not be mounted here."""


@contextmanager
def mounted(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Makes the folder and mounts a tmpfs on it for the length of the block; raises NoRight."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(folder)]
    if not _mount(*options):
        raise NoRight(f"no right to mount a tmpfs on {folder}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=MOUNT_SECONDS)


def resize(folder: Path, size_bytes: int) -> None:
    """Give the mounted file system another size; raises NoRight."""
    if not _mount("-o", f"remount,size={size_bytes}", str(folder)):
        raise NoRight(f"{folder} cannot be mounted again")


def _mount(*arguments: str) -> bool:
    done = subprocess.run(["mount", *arguments], capture_output=True, timeout=MOUNT_SECONDS, check=False)
    return done.returncode == 0
