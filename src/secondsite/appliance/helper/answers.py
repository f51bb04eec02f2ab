"""What a helper machine answers about volumes and files, judged: it may say anything."""

import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ...domain import errors
from ...domain.counters import MOST
from ...domain.machines import guest_paths
from ...wire.common.guest_files import FileKind

MOST_VOLUMES = 1000
LONGEST_VOLUMES = 2 * 1024 * 1024
"""Bytes of an answer about all volumes."""
LONGEST_FILE = guest_paths.LONGEST_NAME + 100
DEVICE = re.compile(r"[a-z]{1,16}[0-9]{0,6}(-[0-9]{1,6})?")
_ENTRY = re.compile(rb"([0-9a-f]{1,8}) ([0-9]{1,20}) (-?[0-9]{1,20}) \.")
SECTOR_BYTES = 512
MEMBERS = {"LVM2_member": "lvm", "linux_raid_member": "mdadm"}
"""What is no volume but a part of some, by the program that puts them together."""
READABLE = {
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "ntfs", "vfat", "iso9660", "exfat", "f2fs", "udf", "squashfs"),
}


KINDS = {stat.S_IFDIR: FileKind.FOLDER, stat.S_IFREG: FileKind.FILE, stat.S_IFLNK: FileKind.LINK}


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system, or what may hold one; `device` is its name in the helper machine, `kind` as blkid says
    it."""

    name: bytes
    device: str
    kind: str
    size_bytes: int
    label: str = ""
    held: bool = False

    @property
    def is_readable(self) -> bool:
        return self.kind in READABLE


@dataclass(frozen=True, slots=True)
class File:
    """A file of a guest; `modified_at` is None if its time is none that we can write."""

    name: bytes
    kind: FileKind
    size_bytes: int
    mode: int
    modified_at: datetime | None


def volumes(said: bytes, keys: Sequence[str]) -> list[Volume]:
    """The volumes of an answer, by name; `keys` are those of the disks by number. One of two with one name is
    left out."""
    found: dict[bytes, Volume] = {}
    blocks = re.split(r"^block ", said.decode(errors="replace"), flags=re.MULTILINE)[1:]
    for block in blocks[:MOST_VOLUMES]:
        volume = _volume(block, keys)
        if volume is not None:
            found.setdefault(volume.name, volume)
    return sorted(found.values(), key=lambda each: each.name)


def _volume(block: str, keys: Sequence[str]) -> Volume | None:
    first, *lines = block.split("\n")
    words = first.split(" ")
    if len(words) != 6 or not DEVICE.fullmatch(words[0]):
        return None
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    device, sectors, disk, partition, held, mapped = words
    name = _named(device, keys, disk, partition, mapped).encode()
    kind = told.get("ID_FS_TYPE", "")[:40]
    if not kind or not guest_paths.is_name(name):
        return None
    size_bytes = _number(sectors) * SECTOR_BYTES
    label = re.sub(r"[^ -~]", "?", told.get("ID_FS_LABEL", "")[:200])
    return Volume(name, device, kind, size_bytes, label, held=held != "0")


def _named(device: str, keys: Sequence[str], disk: str, partition: str, mapped: str) -> str:
    """As people know it: the disk's key with the partition's number, or what the volume manager calls it."""
    if mapped != "-":
        return mapped
    if not disk.isdigit() or _number(disk) >= len(keys):
        return device
    key = keys[_number(disk)]
    if partition == "-":
        return key
    return f"{key}{'p' if key[-1:].isdigit() else ''}{partition}"


def _number(said: str) -> int:
    return min(int(said), MOST // SECTOR_BYTES) if said.isdigit() and len(said) < 20 else 0


def files(read_until: Callable[[bytes, int], bytes]) -> Iterator[File]:
    """The files of a list that is read on from `read_until(mark, most)`. Raises NotPossibleNow for what is no
    list."""
    # of MODE SIZE TIME ./NAME/ the name is all between two slashes: it holds none
    while not (said := read_until(b"/", LONGEST_FILE).lstrip(b"\n")).startswith(b"\0"):
        found = _ENTRY.fullmatch(said)
        name = read_until(b"/", LONGEST_FILE)
        if found is None or not guest_paths.is_name(name):
            raise errors.NotPossibleNow(
                "A helper machine answered with what is no list of files.",
                do="The file system may be broken: try an older point.",
            )
        mode = int(found[1], 16)
        kind = KINDS.get(stat.S_IFMT(mode), FileKind.OTHER)
        size_bytes = min(int(found[2]), MOST)
        yield File(name, kind, size_bytes, stat.S_IMODE(mode), time_of(int(found[3])))


def time_of(seconds: int) -> datetime | None:
    """None for a time that no clock has shown."""
    try:
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if 1970 <= found.year < 3000 else None
