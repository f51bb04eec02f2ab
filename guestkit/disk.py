"""Make disks that a guest finds ready: qcow2 (version 3, so that it can hold dirty bitmaps), or raw where the
file's name ends so, with an ext4 inside."""

import random
import tempfile
from pathlib import Path

from guestkit import programs

MiB = 1024 * 1024
MARK_RECORDS = "set_inode_field /records flags 0x80008"
"""What debugfs is told: extents, and each write to the guest's records is on the disk when it returns
(chattr +S)."""


def format_of(path: Path) -> str:
    """The format of a disk of ours, in a file or on a block device."""
    return "raw" if path.suffix == ".raw" or path.is_block_device() else "qcow2"


def make_disk(path: Path, size_bytes: int = 64 * MiB, label: str = "data", filled_bytes: int = 0) -> Path:
    """A fresh disk at `path`, replacing what was there; raises BuildFailed.

    `filled_bytes` of it are a file `content` that compresses to about half, the same bytes each time.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        raw, image, content = Path(folder, "raw"), Path(folder, "image"), Path(folder, "content")
        with raw.open("wb") as file:
            file.truncate(size_bytes)
        _fill(content, filled_bytes)
        made = "lazy_itable_init=0,lazy_journal_init=0"
        words: list[str | Path] = ["mkfs.ext4", "-q", "-F", "-m", "0", "-L", label, "-E", made]
        programs.run([*words, "-d", content, raw], within_seconds=60)
        programs.run(["debugfs", "-w", "-R", MARK_RECORDS, raw])
        form = format_of(path)
        version = ["-o", "compat=1.1"] if form == "qcow2" else []
        programs.run(["qemu-img", "convert", "-f", "raw", "-O", form, *version, raw, image])
        image.rename(path)
    return path


def _fill(folder: Path, filled_bytes: int) -> None:
    """A folder that becomes the root of the file system; the writer's records are there, and empty."""
    folder.mkdir()
    (folder / "records").touch()
    if filled_bytes:
        source = random.Random(1)
        with (folder / "content").open("wb") as file:
            for _ in range(filled_bytes // 8192):
                file.write(source.randbytes(4096) + b"secondsite" * 409 + b"\n" * 6)
