"""The form of an initramfs: a newc cpio archive. Equal entries give equal bytes."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder, link or device; `mode` holds its kind and its permissions."""

    name: str
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


END = Entry("TRAILER!!!", 0)


def file(name: str, content: bytes, *, program: bool = False) -> Entry:
    return Entry(name, stat.S_IFREG | (0o755 if program else 0o644), content)


def link(name: str, target: str) -> Entry:
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def console() -> Entry:
    """The device that the kernel opens for the first program."""
    return Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))


def archive(entries: Iterable[Entry]) -> bytes:
    """The whole archive, with the folders that its entries lie in, or are."""
    found = {entry.name: entry for entry in entries}
    folders = sorted({str(above) for name in found for above in _above(name)} - found.keys())
    made = [*(Entry(name, stat.S_IFDIR | 0o755) for name in folders), *found.values()]
    return b"".join(_record(number, entry) for number, entry in enumerate([*made, END], start=1))


def _above(name: str) -> Iterable[str]:
    parts = name.split("/")[:-1]
    return ("/".join(parts[:count]) for count in range(1, len(parts) + 1))


def _record(number: int, entry: Entry) -> bytes:
    """By the kernel's documentation of the buffer format of an initramfs: inode, mode, owner, group, links,
    time, size, four numbers of devices, length of the name, checksum."""
    name = entry.name.encode() + b"\0"
    fields = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, *entry.device, len(name), 0)
    return _padded(b"070701" + b"".join(b"%08x" % field for field in fields) + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
