"""Makes files of an archive's members, below one folder and nowhere else.

Each folder on the way is opened in the one before, and a link is never followed: whatever an archive names,
nothing outside is made, opened or changed. There are no devices, and nothing that runs as somebody else."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...domain import errors
from ...domain.amounts import size
from ...domain.machines import guest_paths
from ...wire.common.guest_files import FileKind
from . import archive
from .archive import Member, Read

MOST_FILES = 5_000_000
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE = 0o700
BLOCK_BYTES = 4096
"""What the smallest file takes of a file system."""
Told = Callable[[int, int], None]
"""Called with the files and bytes that are there by now."""


@dataclass(slots=True)
class Extracted:
    """`files` counts files and links, `left_out` what only a running guest can have: devices, pipes."""

    files: int = 0
    folders: int = 0
    size_bytes: int = 0
    left_out: int = 0


def extract(
    read: Read, into: int, name: str, most_bytes: int, told: Told = lambda _files, _bytes: None
) -> Extracted:
    """Make what the archive holds, as `name` in the folder that is open as `into`, in which nothing has that
    name. Files keep their times and permissions, and belong to us. Raises NotPossibleNow, OSError; what was
    made until then stays, for the caller."""
    found, folders, taken_bytes = Extracted(), _Folders(into, name), 0
    with contextlib.closing(folders):
        for member, content in archive.members(read):
            taken_bytes += max(1, -(-member.size_bytes // BLOCK_BYTES)) * BLOCK_BYTES
            if found.files + found.folders + found.left_out >= MOST_FILES:
                raise errors.NotPossibleNow(
                    f"There are more than {MOST_FILES} files.", do="Fetch a folder with fewer of them."
                )
            if taken_bytes > most_bytes:
                raise errors.NotPossibleNow(
                    f"There is no room for more than {size(most_bytes)}, and there is more to be fetched.",
                    do="Make room there, give another folder, or fetch less.",
                )
            with _places_told(member):
                folders.leave(member.path)
                _make(folders, member, content, found)
            told(found.files, found.size_bytes)
        folders.leave(None)
    return found


def _make(folders: "_Folders", member: Member, content: Iterator[bytes], found: Extracted) -> None:
    if member.kind is FileKind.OTHER:
        found.left_out += 1
    elif member.kind is FileKind.FOLDER:
        folders.make(member)
        found.folders += 1
    else:
        with folders.above(member.path) as (above, name):
            if member.same_as is not None:
                with folders.above(member.same_as) as (other, other_name):
                    os.link(other_name, name, src_dir_fd=other, dst_dir_fd=above, follow_symlinks=False)
            elif member.kind is FileKind.LINK:
                os.symlink(member.link, name, dir_fd=above)
            else:
                found.size_bytes += _write(above, name, member, content)
        found.files += 1


def _write(above: int, name: bytes, member: Member, content: Iterator[bytes]) -> int:
    """Long runs of zeros become holes."""
    file = os.open(name, FILE_FLAGS, 0o600, dir_fd=above)
    with open(file, "wb", buffering=0) as writing:
        for piece in content:
            if piece.count(0) == len(piece):
                writing.seek(len(piece), os.SEEK_CUR)
            else:
                _write_all(writing.fileno(), piece)
        writing.truncate(member.size_bytes)
        os.fchmod(file, member.permissions)
        os.utime(file, (member.modified, member.modified))
    return member.size_bytes


def _write_all(file: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(file, view) :]


class _Folders:
    """The folders below one, by the names that lead to them. The one that was used last stays open. Members
    come folder by folder, so only those on the way to the last one are remembered: of all of them, a guest's
    hundred thousand deep ones would have taken gigabytes."""

    def __init__(self, into: int, name: str) -> None:
        self._into, self._name = into, os.fsencode(name)
        self._open: tuple[tuple[bytes, ...], int] | None = None
        self._entered: list[Member] = []

    @contextlib.contextmanager
    def above(self, path: tuple[bytes, ...]) -> Iterator[tuple[int, bytes]]:
        """The folder that the path's last name lies in, open, and that name. Raises OSError for a way that
        leads over what is no folder."""
        if not path:
            yield self._into, self._name
            return
        if self._open is not None and self._open[0] == path[:-1]:
            yield self._open[1], path[-1]
            return
        folder = self._opened(path[:-1])
        self.close()
        self._open = path[:-1], folder
        yield folder, path[-1]

    def make(self, member: Member) -> None:
        with self.above(member.path) as (above, name):
            os.mkdir(name, PRIVATE, dir_fd=above)
        self._entered.append(member)

    def leave(self, path: tuple[bytes, ...] | None) -> None:
        """Give the folders their times and permissions in which the path does not lie; None: all of them. Not
        before, as making files in them changes both."""
        while self._entered and (path is None or not _lies_in(path, self._entered[-1].path)):
            member = self._entered.pop()
            with self.above(member.path) as (above, name):
                folder = os.open(name, FOLDER_FLAGS, dir_fd=above)
            try:
                os.fchmod(folder, member.permissions & PRIVATE if not member.path else member.permissions)
                os.utime(folder, (member.modified, member.modified))
            finally:
                os.close(folder)

    def close(self) -> None:
        if self._open is not None:
            os.close(self._open[1])
            self._open = None

    def _opened(self, path: tuple[bytes, ...]) -> int:
        folder = os.open(self._name, FOLDER_FLAGS, dir_fd=self._into)
        for name in path:
            above, folder = folder, -1
            try:
                folder = os.open(name, FOLDER_FLAGS, dir_fd=above)
            finally:
                os.close(above)
        return folder


def _lies_in(path: tuple[bytes, ...], folder: tuple[bytes, ...]) -> bool:
    return len(path) > len(folder) and path[: len(folder)] == folder


@contextlib.contextmanager
def _places_told(member: Member) -> Iterator[None]:
    """Inside, what an archive of ours never has (a name twice, a way over a link) is told as that."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.ENOENT, errno.EPERM):
            raise errors.NotPossibleNow(
                f"A helper machine sent an archive that cannot be unpacked: {problem.strerror} at "
                f"{guest_paths.shown(b'/'.join(member.path))}.",
                do="The file system may be broken: try an older point, or fetch less.",
            ) from problem
        raise
