"""The built agent of a machine, and loop devices that play its disks."""

import mmap
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import xxhash

from rig.eventually import eventually
from secondsite.ground.units import KiB, MiB

TOP = Path(__file__).resolve().parents[1]
PROGRAM = TOP / ".cache" / "agent" / "secondsite-agent"
BLOCK = 64 * KiB
PATIENCE = 60.0


def is_built() -> bool:
    """Whether the program is there, and no older than what it is built of."""
    sources = (path for path in (TOP / "agent").rglob("*") if path.suffix in (".go", ".c"))
    built = PROGRAM.stat().st_mtime if PROGRAM.exists() else 0
    return all(path.stat().st_mtime <= built for path in sources if not path.name.endswith("_test.go"))


def run(*words: str) -> str:
    """What a program printed. Raises CalledProcessError."""
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.strip()


class LoopDisk:
    """A loop device over a sparse file, with a file system on its first part."""

    def __init__(
        self, folder: Path, name: str, size: int = 256 * MiB, kind: str = "ext4", fs_size: int | None = None,
        direct: bool = False, sector: int = 512,
    ) -> None:  # fmt: skip
        self.kind, self.size, self.fs_size = kind, size, fs_size or size
        self.file, self.mount = folder / f"{name}.raw", folder / name
        self.mount.mkdir()
        with self.file.open("wb") as file:
            file.truncate(size)
        extra = ["--direct-io=on"] if direct else []
        extra += [f"--sector-size={sector}"] if sector != 512 else []
        self.device = run("losetup", "-f", "--show", *extra, str(self.file))
        self.name = self.device.removeprefix("/dev/")
        self.mounted = False

    @property
    def key(self) -> str:
        """What the agent calls it."""
        return f"file:{self.file}"

    def make(self, *others: Self) -> Self:
        """Makes its file system, over other devices as well, and mounts it; or swaps to it."""
        if self.kind == "swap":
            run("mkswap", "-q", self.device)
            run("swapon", self.device)
            return self
        devices = [self.device, *(other.device for other in others)]
        lazy = "lazy_itable_init=0,lazy_journal_init=0"
        options = {
            "ext4": ["-q", "-F", "-E", lazy, self.device, f"{self.fs_size // KiB}k"],
            "xfs": ["-q", "-f", "-d", f"size={self.fs_size}", self.device],
            "btrfs": ["-q", "-f", "-b", str(self.fs_size), *devices],
        }[self.kind]
        run(f"mkfs.{self.kind}", *options)
        run("mount", self.device, str(self.mount))
        self.mounted = True
        return self

    def _stat(self) -> list[int]:
        return [int(word) for word in Path(f"/sys/block/{self.name}/stat").read_text().split()]

    def writes(self) -> int:
        """How many requests that write the kernel counted."""
        fields = self._stat()
        return fields[4] + fields[11]

    def flying(self) -> int:
        """How many requests are on their way."""
        return self._stat()[8]

    def content(self) -> Iterator[bytes]:
        """All bytes, read past the page cache, block by block."""
        data = mmap.mmap(-1, MiB)
        file = os.open(self.device, os.O_RDONLY | os.O_DIRECT)
        try:
            for at in range(0, self.size, MiB):
                n = os.preadv(file, [data], at)
                for begin in range(0, n, BLOCK):
                    yield bytes(memoryview(data)[begin : min(begin + BLOCK, n)])
        finally:
            os.close(file)

    def digests(self) -> list[bytes]:
        """Of each block."""
        return [xxhash.xxh3_128_digest(block) for block in self.content()]

    def close(self) -> None:
        if self.mounted:
            thaw = ["fsfreeze", "-u", str(self.mount)]
            subprocess.run(thaw, check=False, capture_output=True, timeout=PATIENCE)
            eventually(self._unmounted, PATIENCE)
        if self.kind == "swap":
            run("swapoff", self.device)
        run("losetup", "-d", self.device)

    def _unmounted(self) -> bool:
        return subprocess.run(["umount", str(self.mount)], check=False, capture_output=True).returncode == 0
