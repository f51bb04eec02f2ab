"""An archive for a person, made of the one that a helper machine sends: its members are judged first, and
nothing of it is passed on but their names, times, permissions and contents.

Members come folder by folder, each below one that came as a folder. No name comes again that was a link's,
and what is the same file as an earlier one is reached over no link: so whoever unpacks is led over none,
whether the program replaces a link by a folder of its name or keeps it. A number is kept of each link."""

import os
import tarfile
from collections.abc import Iterator

from ...wire.common.guest_files import FileKind
from . import archive
from .archive import Member, Read
from .extracting import Extracted

MOST_LINKS = 500_000
END = bytes(2 * tarfile.BLOCKSIZE)
"""Two empty blocks are the end of an archive: one without them is not whole."""


def pieces(read: Read, name: bytes, found: Extracted) -> Iterator[bytes]:
    """The archive but for its END, piece by piece; what was asked for itself is called `name`. `found` counts
    what is in it. Raises NotPossibleNow."""
    way = _Way()
    for member, content in archive.members(read):
        if member.kind is FileKind.OTHER or way.is_a_link(member.same_as):
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
        self._links: set[int] = set()

    def is_a_link(self, path: tuple[bytes, ...] | None) -> bool:
        """A second name of a symbolic link: it is the first one that counts."""
        return path is not None and hash(path) in self._links

    def go(self, member: Member) -> None:
        self._require_no_link(member)
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
        if member.kind is FileKind.LINK:
            self._links.add(hash(member.path))

    def _require_no_link(self, member: Member) -> None:
        if len(self._links) >= MOST_LINKS:
            raise archive.refused(f"more than {MOST_LINKS} symbolic links")
        if hash(member.path) in self._links:
            raise archive.refused("a name that was a link's before")
        source = member.same_as or ()
        if any(hash(source[:count]) in self._links for count in range(len(source))):
            raise archive.refused("a way that leads over a link")

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
