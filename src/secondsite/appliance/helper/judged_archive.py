"""An archive for a person, made of the one that a helper machine sends: its members are judged first, and
nothing of it is passed on but their names, times, permissions and contents.

Members come folder by folder, each below one that came as a folder, so whoever unpacks them is led over no
link, and nothing has to be remembered but one path."""

import os
import tarfile
from collections.abc import Iterator

from ...wire.common.guest_files import FileKind
from . import archive
from .archive import Member, Read
from .extracting import Extracted

END = bytes(2 * tarfile.BLOCKSIZE)
"""Two empty blocks are the end of an archive: one without them is not whole."""


def pieces(read: Read, name: bytes, found: Extracted) -> Iterator[bytes]:
    """The archive but for its END, piece by piece; what was asked for itself is called `name`. `found` counts
    what is in it. Raises NotPossibleNow."""
    way = _Way()
    for member, content in archive.members(read):
        if member.kind is FileKind.OTHER:
            found.left_out += 1
            continue
        way.go(member)
        _count(found, member)
        yield _header(name, member)
        yield from content
        yield bytes(-_length(member) % tarfile.BLOCKSIZE)


class _Way:
    """The folder in which the next member may lie, or in one above it."""

    def __init__(self) -> None:
        self._folder: tuple[bytes, ...] | None = None
        self._has_begun = False

    def go(self, member: Member) -> None:
        above = member.path[:-1]
        if self._has_begun and not (member.path and self._is_open(above)):
            raise archive.refused("a file in what is no folder")
        if not self._has_begun and member.path:
            raise archive.refused("a file before its folder")
        self._has_begun = True
        if member.kind is FileKind.FOLDER:
            self._folder = member.path
        elif member.path:
            self._folder = above

    def _is_open(self, folder: tuple[bytes, ...]) -> bool:
        return self._folder is not None and self._folder[: len(folder)] == folder


def _count(found: Extracted, member: Member) -> None:
    if member.kind is FileKind.FOLDER:
        found.folders += 1
    else:
        found.files += 1
        found.size_bytes += _length(member)


def _length(member: Member) -> int:
    return member.size_bytes if member.kind is FileKind.FILE else 0


def _header(name: bytes, member: Member) -> bytes:
    info = tarfile.TarInfo(_text(b"/".join((name, *member.path))))
    info.size, info.mode, info.mtime = _length(member), member.permissions, member.modified
    if member.kind is FileKind.FOLDER:
        info.type = tarfile.DIRTYPE
    elif member.kind is FileKind.LINK:
        info.type, info.linkname = tarfile.SYMTYPE, _text(member.link)
    elif member.same_as is not None:
        info.type, info.linkname = tarfile.LNKTYPE, _text(b"/".join((name, *member.same_as)))
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return os.fsdecode(name)
