"""A replica's files lie in its folder, and nowhere else.

A store may have been in other hands. What is removed, written and made in a replica's folders by an appliance, which may do
everything on its host, would be another replica's, or the host's, where one of them is a symbolic link; and QEMU waits for ever
for the other end of a pipe, with the disks of all machines."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ... import errors


def require_own(root: Path) -> None:
    """Raises ImageProblem for a symbolic link, a pipe or a device anywhere below the folder."""
    for path, what in _strange(root):
        raise errors.ImageProblem(
            f"{path} is {what}, and no file or folder of the replica: somebody has changed it.",
            do="Remove it, or use another copy of the store; find out who could write there. Nothing was removed or written.",
        )


def _strange(folder: str | Path) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path, "a symbolic link"
                elif entry.is_dir(follow_symlinks=False):
                    yield from _strange(entry.path)
                elif not entry.is_file(follow_symlinks=False) and not _is_socket(entry):
                    yield entry.path, "a pipe or a device"
    except FileNotFoundError:  # another process removes it
        return


def _is_socket(entry: os.DirEntry[str]) -> bool:
    return stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
