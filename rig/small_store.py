"""File systems of a test's own: of a few MiB, that can be full; and one that shares parts of files."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rig.eventually import eventually

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


@contextmanager
def stalling(folder: Path, size_bytes: int) -> Iterator[int]:
    """Makes the folder and mounts a file system on it, each write to which its device must answer: a process,
    whose id this gives. Stopped, it never does. Raises NoRight."""
    file, shown = (folder.with_name(f"{folder.name}.{end}") for end in ("disk", "fuse"))
    with file.open("wb") as made:
        made.truncate(size_bytes)
    subprocess.run([*EXT4, str(file)], check=True, capture_output=True, timeout=MOUNT_SECONDS)
    folder.mkdir()
    shown.touch()
    export = f"type=fuse,id=e,node-name=f,mountpoint={shown},writable=on"
    blockdev = f"driver=file,node-name=f,filename={file}"
    daemon = subprocess.Popen(["qemu-storage-daemon", "--blockdev", blockdev, "--export", export])
    try:
        eventually(lambda: shown.stat().st_size == size_bytes, MOUNT_SECONDS)
        if not _mount("-o", "loop,sync", str(shown), str(folder)):
            raise NoRight(f"no right to mount what a process answers for on {folder}")
        try:
            yield daemon.pid
        finally:
            daemon.send_signal(signal.SIGCONT)
            subprocess.run(["umount", str(folder)], check=True, timeout=MOUNT_SECONDS)
    finally:
        daemon.terminate()
        daemon.wait(MOUNT_SECONDS)


def resize(folder: Path, size_bytes: int) -> None:
    """Give the mounted file system another size; raises NoRight."""
    if not _mount("-o", f"remount,size={size_bytes}", str(folder)):
        raise NoRight(f"{folder} cannot be mounted again")


def _mount(*arguments: str) -> bool:
    done = subprocess.run(["mount", *arguments], capture_output=True, timeout=MOUNT_SECONDS, check=False)
    return done.returncode == 0
