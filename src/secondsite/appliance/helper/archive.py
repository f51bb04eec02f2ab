"""The archive that a helper machine sends, judged member by member before anything is made of it.

Python's own reader of archives believes their numbers: one header may have it take any amount of memory."""

import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...domain import errors
from ...domain.counters import MOST
from ...domain.machines import guest_paths
from ...wire.common.guest_files import FileKind

BLOCK_BYTES = tarfile.BLOCKSIZE
PIECE_BYTES = 1024 * 1024
DEEPEST = 1000
"""The most folders in one another."""
PERMISSIONS = 0o777
"""Of a mode: whoever may run a file here is not to become its guest's owner by it."""
LONG_NAME, LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
KINDS = {tarfile.REGTYPE: FileKind.FILE, tarfile.AREGTYPE: FileKind.FILE, tarfile.DIRTYPE: FileKind.FOLDER,
         tarfile.SYMTYPE: FileKind.LINK}  # fmt: skip
Read = Callable[[int], bytes]
"""The next bytes, just as many."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive. `path`: the names on its way; empty for what was asked for itself. `link`: where
    a symbolic link leads to. `same_as`: the path of an earlier member that is the same file."""

    path: tuple[bytes, ...]
    kind: FileKind
    size_bytes: int = 0
    permissions: int = 0
    modified: int = 0
    link: bytes = b""
    same_as: tuple[bytes, ...] | None = None


def members(read: Read) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Each member with the pieces of its content, to be taken before the next one is. Raises NotPossibleNow
    for what no archive of ours is."""
    names: dict[bytes, bytes] = {}
    while (header := _header(read(BLOCK_BYTES))) is not None:
        size_bytes = header.size
        if not 0 <= size_bytes <= MOST:
            raise refused("a size that no file has")
        if header.type in (LONG_NAME, LONG_LINK):
            names[header.type] = _long(read, size_bytes)
            continue
        member = _member(header, names)
        names = {}
        content = _content(read, size_bytes if member.kind is FileKind.FILE else 0)
        yield member, content
        for _ in content:
            pass


def _header(block: bytes) -> tarfile.TarInfo | None:
    """None at the archive's end."""
    if not any(block):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, OverflowError) as problem:
        raise refused("a header that is none") from problem


def _long(read: Read, size_bytes: int) -> bytes:
    if size_bytes > guest_paths.LONGEST_PATH * 2:
        raise refused("a name that is too long")
    return b"".join(_content(read, size_bytes)).rstrip(b"\0")


def _content(read: Read, size_bytes: int) -> Iterator[bytes]:
    left = size_bytes
    while left:
        piece = read(min(left, PIECE_BYTES))
        left -= len(piece)
        yield piece
    read(-size_bytes % BLOCK_BYTES)


def _member(header: tarfile.TarInfo, names: dict[bytes, bytes]) -> Member:
    path = _path(names.get(LONG_NAME, os.fsencode(header.name)))
    link = names.get(LONG_LINK, os.fsencode(header.linkname))
    same_as = _path(link) if header.type == tarfile.LNKTYPE else None
    kind = FileKind.FILE if same_as is not None else KINDS.get(header.type, FileKind.OTHER)
    if (kind is FileKind.LINK and not 0 < len(link) <= guest_paths.LONGEST_PATH) or b"\0" in link:
        raise refused("a link that leads nowhere")
    if same_as is not None and header.size:
        raise refused("a second name with a content of its own")
    permissions = header.mode & PERMISSIONS
    modified = int(header.mtime) if 0 <= header.mtime < 2**34 else 0
    return Member(path, kind, header.size, permissions, modified, link, same_as)


def _path(said: bytes) -> tuple[bytes, ...]:
    """Without its first name, which is that of what was asked for."""
    names = said.removeprefix(b"./").rstrip(b"/").split(b"/")
    if len(names) > DEEPEST:
        raise refused(f"more than {DEEPEST} folders in one another")
    if not all(map(guest_paths.is_name, names)):
        raise refused("a path that leads elsewhere")
    return tuple(names[1:])


def refused(what: str) -> errors.NotPossibleNow:
    """The error for an archive that has such a thing in it."""
    return errors.NotPossibleNow(
        f"A helper machine sent an archive with {what}; nothing of it is kept.",
        do="The file system may be broken, or made to do harm: try an older point.",
    )
