"""A replica's files lie in its folder, and nowhere else.

A store may have been in other hands. What is removed, written and made in a replica's folders by an appliance, which may do
everything on its host, would be another replica's, or the host's, where one of them is a symbolic link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ... import errors


def require_own(root: Path) -> None:
    """Raises ImageProblem for a symbolic link anywhere below the folder."""
    for path in _links(root):
        raise errors.ImageProblem(
            f"{path} is a symbolic link, and no file or folder of the replica: somebody has changed it.",
            do="Remove it, or use another copy of the store; find out who could write there. Nothing was removed or written.",
        )


def _links(folder: str | Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False):
                    yield from _links(entry.path)
    except FileNotFoundError:  # another process removes it
        return
