"""File systems of a test's own: of a few MiB, that can be full; and one that shares parts of files."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

MOUNT_SECONDS = 20
XFS = ("mkfs.xfs", "-q", "-m", "reflink=1")
EXT4 = ("mkfs.ext4", "-q", "-m", "0")


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


def sharing(folder: Path, size_bytes: int) -> AbstractContextManager[Path]:
    """As `on_disk`, an XFS with reflink."""
    return on_disk(folder, size_bytes, XFS)


@contextmanager
def on_disk(folder: Path, size_bytes: int, make: Sequence[str]) -> Iterator[Path]:
    """Makes the folder and mounts a file system of the command `make` on it for the length of the block;
    its file beside it is sparse. Raises NoRight."""
    folder.mkdir()
    file = folder.with_name(f"{folder.name}.disk")
    with file.open("wb") as made:
        made.truncate(size_bytes)
    try:
        subprocess.run([*make, str(file)], check=True, capture_output=True, timeout=MOUNT_SECONDS)
        if not _mount("-o", "loop", str(file), str(folder)):
            raise NoRight(f"no right to mount {make[0]}'s on {folder}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True, timeout=MOUNT_SECONDS)
    finally:
        file.unlink()


def resize(folder: Path, size_bytes: int) -> None:
    """Give the mounted file system another size; raises NoRight."""
    if not _mount("-o", f"remount,size={size_bytes}", str(folder)):
        raise NoRight(f"{folder} cannot be mounted again")


def _mount(*arguments: str) -> bool:
    done = subprocess.run(["mount", *arguments], capture_output=True, timeout=MOUNT_SECONDS, check=False)
    return done.returncode == 0
