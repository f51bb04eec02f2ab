"""An ext4 whose every write and flush is recorded, in order, with its data.

qemu-storage-daemon shows an image as a file through FUSE and notes each request in a log (driver
blklogwrites, the format of Linux's dm-log-writes); a loop device makes a disk of that file. No kernel module
is needed.
"""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from rig import processes
from rig.small_store import NoRight

SECONDS = 30
START_SECONDS = 20


class RecordedDisk:
    """`folder` holds the images and the log; the file system is mounted at `mounted_at`."""

    def __init__(self, folder: Path, mounted_at: Path) -> None:
        self.folder, self.mounted_at = folder, mounted_at
        self.base = folder / "base.img"
        """The disk before the first recorded write."""
        self.log = folder / "writes.log"

    @property
    def position(self) -> int:
        """Bytes of the log that are written by now: all requests that have ended lie below."""
        return self.log.stat().st_size

    @contextlib.contextmanager
    def recorded(self, size_bytes: int) -> Iterator[None]:
        """Make the file system and record it for the length of the block; raises NoRight."""
        self._make(size_bytes)
        with self._shown(), mounted(self.folder / "disk", self.mounted_at):
            yield

    def _make(self, size_bytes: int) -> None:
        self.folder.mkdir()
        self.base.touch()
        _resize(self.base, size_bytes)
        # everything is written now: what ext4 would initialise later is no write of ours
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=8", self.base)
        run("cp", "--sparse=always", self.base, self.folder / "live.img")
        for name in ("writes.log", "disk"):
            (self.folder / name).touch()

    @contextlib.contextmanager
    def _shown(self) -> Iterator[None]:
        """The disk is a file, by a daemon that records what is done to it."""
        live, shown = self.folder / "live.img", self.folder / "disk"
        words = [
            "qemu-storage-daemon", "--pidfile", f"{live}.pid",
            "--blockdev", f"driver=file,node-name=live,filename={live}",
            "--blockdev", f"driver=file,node-name=log,filename={self.log}",
            "--blockdev", "driver=blklogwrites,node-name=top,file=live,log=log,log-sector-size=512",
            "--export", f"type=fuse,id=shown,node-name=top,mountpoint={shown},writable=on",
        ]  # fmt: skip
        program = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        try:
            _wait_until_shown(program, shown)
            yield
        finally:
            program.terminate()
            program.wait(SECONDS)
            if program.stderr is not None:
                program.stderr.close()


@contextlib.contextmanager
def mounted(image: Path, at: Path) -> Iterator[None]:
    """Mount an image for the length of the block; its journal is replayed first. Raises NoRight."""
    at.mkdir(parents=True, exist_ok=True)
    try:
        # commit: what nobody flushed stays in memory for as long as possible
        run("mount", "-o", "loop,commit=300", image, at)
    except subprocess.CalledProcessError as error:
        raise NoRight(f"{image} could not be mounted: {error.stderr.strip()}") from error
    try:
        with contextlib.suppress(OSError):
            (at / "lost+found").rmdir()
        yield
    finally:
        _unmount(at)


def _unmount(at: Path) -> None:
    """Whoever still works there is ended; a file system that stays mounted would be written to after its
    end."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            run("umount", at)
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
            processes.kill_folder(at)
            time.sleep(0.05)
        else:
            return


def _wait_until_shown(program: "subprocess.Popen[str]", shown: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while shown.stat().st_size == 0:
        if program.poll() is not None or time.monotonic() > deadline:
            program.kill()
            said = program.communicate(timeout=SECONDS)[1]
            raise NoRight(f"qemu-storage-daemon shows no disk through FUSE: {said.strip()}")
        time.sleep(0.02)


def _resize(image: Path, size_bytes: int) -> None:
    with image.open("r+b") as file:
        file.truncate(size_bytes)


def run(*words: str | Path) -> None:
    """One command; raises CalledProcessError, which holds what it complained of."""
    subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, timeout=SECONDS)
