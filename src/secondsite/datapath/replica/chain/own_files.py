"""Checks that layers stand on each other, and on nothing else.

Whoever starts a machine on a layer, as libvirt does, goes by what the headers say. A store may have been
in other hands, at a site that is lost or on a medium: a header that names another file would give its
content to the guest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ... import errors
from ...disks import named_files
from .chain import ChainFile


def require_own(root: Path, chain: Sequence[ChainFile]) -> None:
    """Raises ImageProblem if a file of the chain names another backing file than the one before it, or a data
    file. A base that lies elsewhere is not checked: its owner may have put it on other files."""
    below: Path | None = None
    for file in chain:
        if file.image_format == "qcow2" and (below is not None or _is_inside(root, file.path)):
            named = named_files.of(file.path)
            if named.data or not _is(file.path, named.backing, below):
                raise errors.ImageProblem(
                    (
                        f"{file.path} is to be read with {_said(named)}, and not with "
                        f"{below or 'no other file'}: somebody has changed it."
                    ),
                    do=(
                        "Start nothing from it or from later points. Use a point before it, or another "
                        "store; find out who could write here."
                    ),
                )
        below = file.path


def _is_inside(root: Path, path: Path) -> bool:
    return root.absolute() in path.absolute().parents


def _is(path: Path, named: str | None, below: Path | None) -> bool:
    if named is None or below is None:
        return named is None and below is None
    there = path.absolute().parent / named
    return os.path.normpath(there) == os.path.normpath(below.absolute()) or _is_same(there, below)


def _is_same(one: Path, other: Path) -> bool:
    """Whether two paths are the same file, also by links in the path of the store."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _said(named: named_files.NamedFiles) -> str:
    return (
        "a file of data of its own"
        if named.data
        else f"'{named.backing}'"
        if named.backing
        else "no other file"
    )
