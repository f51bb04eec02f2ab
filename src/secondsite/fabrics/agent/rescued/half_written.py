"""Disks that are written, and not to the end: the machine must not start from them.

Whoever writes one keeps a file beside it meanwhile, with what it needs to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".half"


def file(disk: Path) -> Path:
    return disk.with_name(disk.name + SUFFIX)


def found(folder: Path) -> bool:
    """Whether a disk of this folder is half written."""
    return next(_all(folder), None) is not None


def forget(folder: Path) -> None:
    """Whatever was kept is of no use any more."""
    for each in _all(folder):
        each.unlink()


def _all(folder: Path) -> Iterator[Path]:
    return folder.glob(f"*{SUFFIX}")
