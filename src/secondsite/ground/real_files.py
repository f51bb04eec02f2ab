"""Reads files in folders that others may have written to, such as a store from somewhere else: only plain
files, and only up to a limit. Reading a pipe might wait for ever, and a device has no end. (`rescue` has
functions of its own, because it stands alone.)"""

import errno
import fcntl
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from . import durable
from .units import MiB

MOST_BYTES: Final = 64 * MiB
"""The largest file that is read as a whole: a record of 20,000 points has some MiB."""

GENERATION: Final = 0x80087601
"""FS_IOC_GETVERSION of <linux/fs.h>: a number that the file system gives an inode anew when it is used for
another file."""

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
SECTOR_BYTES: Final = 512
WRITTEN, DISCARDED = 6, 13
"""Places of the sectors written and discarded in a device's `stat`, from 0."""


class FileNumber(NamedTuple):
    """The identity of a file as long as it exists. The inode number alone is not enough: ext4 gives that of a
    removed file to the next one at once. `generation` is None if the file system has none (NFS, tmpfs), and
    in records of former releases."""

    inode: int
    generation: int | None

    def is_same(self, other: "FileNumber") -> bool:
        """Whether both are the same file, as far as both have a generation."""
        unsaid = None in (self.generation, other.generation)
        return self.inode == other.inode and (unsaid or self.generation == other.generation)


def file_number(path: Path | str) -> FileNumber | None:
    """The identity of the file or folder that a path leads to now; None if there is none. A device has no
    generation. Do not use it for a file on which this process has locks, such as SQLite's: closing any
    descriptor of a file releases them all."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    if not (stat.S_ISREG(seen.st_mode) or stat.S_ISDIR(seen.st_mode)):
        return FileNumber(seen.st_ino, None)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError:
        return FileNumber(seen.st_ino, None)
    try:
        return FileNumber(os.fstat(descriptor).st_ino, _generation(descriptor))
    finally:
        os.close(descriptor)


def file_id(descriptor: int) -> int:
    """The identity of an open file as one number of 64 bits."""
    return id_of(FileNumber(os.fstat(descriptor).st_ino, _generation(descriptor)))


def id_of(number: FileNumber) -> int:
    return number.inode ^ (number.generation or 0) << 32


def _generation(descriptor: int) -> int | None:
    try:
        told = fcntl.ioctl(descriptor, GENERATION, bytes(8))
    except OSError:
        return None
    generation: int = struct.unpack("=I4x", told)[0]
    return generation


class DeviceUse(NamedTuple):
    """What the kernel says of a block device. `incarnation`, from 1, is another one after a reboot, and after
    the device was taken away and made anew: only then do the counts begin anew. `written` counts the sectors
    that were written to the device itself or discarded; it does not tell what reached its content another
    way, such as a snapshot that was merged into it. `name`: see `device_name`."""

    incarnation: int
    size_bytes: int
    written: int
    name: str


def device_use(path: Path | str) -> DeviceUse | None:
    """What was done to a block device; None if it is none, or the kernel does not say."""
    try:
        number = _flushed(path)
        folder = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
        counts = [int(word) for word in (folder / "stat").read_text().split()]
        size_bytes = int((folder / "size").read_text()) * SECTOR_BYTES
        boot = BOOT_ID.read_text()
    except (OSError, ValueError):
        return None
    try:
        made = (folder / "diskseq").read_text()
    except OSError:  # a partition, or a kernel before 5.15
        made = ""
    written = sum(counts[at] for at in (WRITTEN, DISCARDED) if at < len(counts))
    return DeviceUse(1 + zlib.crc32(f"{boot}{made}".encode()), size_bytes, written, _name(folder.resolve()))


NAMES: Final = (
    "dm/uuid", "md/uuid", "wwid", "device/wwid", "serial", "device/serial", "device/cid", "loop/backing_file",
)  # fmt: skip
"""Where the kernel says which device it is, below its folder in /sys: that of LVM and multipath, of a RAID,
of SCSI and NVMe, of virtio, of a card, of a file."""


def device_name(path: Path | str) -> str:
    """What a block device is called wherever it is attached, by the kernel: path and number may lead to
    another one after a reboot. Empty if nothing names it, or if it is none."""
    try:
        found = os.stat(path)
        if not stat.S_ISBLK(found.st_mode):
            return ""
        number = found.st_rdev
        return _name(Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve())
    except OSError:
        return ""


def _name(folder: Path) -> str:
    part = _said(folder / "partition")
    if part:
        whole = _name(folder.parent)
        return f"{whole} part {part}" if whole else ""
    return next((said for each in NAMES if (said := _said(folder / each))), "")


def _said(path: Path) -> str:
    try:
        return " ".join(path.read_text(errors="replace").split())
    except OSError:
        return ""


def device_away(path: Path | str, name: str) -> str:
    """Why the block device that was called `name` (empty: nothing named it) is not at its path, to be said
    after the path; empty if it is."""
    try:
        is_device = stat.S_ISBLK(os.stat(path).st_mode)
    except OSError as problem:
        return f"is not there ({problem.strerror})"
    use = device_use(path) if is_device else None
    if not is_device:
        return "is no block device any more"
    if use is None or not use.size_bytes:
        return "has no device behind it"
    if not name or use.name == name:
        return ""
    other = use.name or "one that nothing names"
    return f"is another device now: {other}, where {name} is expected{_now_at(name)}"


def _now_at(name: str) -> str:
    """Where the device of that name is now, as the end of a sentence."""
    found = next(
        (each for each in sorted(Path("/sys/class/block").glob("*")) if _name(each.resolve()) == name), None
    )
    return "" if found is None else f", which is /dev/{found.name} now"


def _flushed(path: Path | str) -> int:
    """The number of a device: what was written to it is counted once it leaves the host's cache. Raises
    OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)  # noqa: TID251 nothing of ours is in it
        return os.fstat(descriptor).st_rdev
    finally:
        os.close(descriptor)


def say_loan(path: Path, number: int) -> None:
    """Note beside a file, whose inode and times tell nothing, which loan of a disk it is: of another number
    somebody may have written to the disk in between."""
    durable.write(_loan(path), str(number).encode())


def loan_number(path: Path | str) -> int | None:
    """What `say_loan` noted of it last; None of any other file."""
    try:
        return int(_loan(Path(path)).read_text())
    except (OSError, ValueError):
        return None


def _loan(path: Path) -> Path:
    return path.with_name(f"{path.name}.loan")


def opened(path: Path) -> BinaryIO:
    """The plain file, opened for reading. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "It is a pipe, a device or a folder, and no file", str(path))
    return os.fdopen(descriptor, "rb")


def content(path: Path) -> bytes:
    """The whole content of a plain file. Raises OSError."""
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise OSError(errno.EFBIG, f"It has more than {MOST_BYTES // MiB} MiB", str(path))
        return file.read()
