"""A store that was copied is known as a copy: its files came along, the folder that they lie in did not.

What an appliance knows of points beside them, and the digests of heads, is true of the files that it wrote. A copy may have been made while
these changed, or be older; so of a copy nothing is believed before it was read."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

import structlog

from ...shared import State
from ..verdicts import Verdicts

PLACE = "place"
"""In the store's mark, where it lies. `secondsite-rescue` knows it too."""

log = structlog.get_logger(__name__)


def place_of(root: Path) -> dict[str, object]:
    """Where a store lies; `inode` is that of the folder of its replicas, which stays with it when it is moved. Raises OSError."""
    return {"root": str(root.absolute()), "host": socket.gethostname(), "inode": _inode(root)}


def copied_from(root: Path, mark: Mapping[str, object]) -> str | None:
    """Of which store this is a copy, in words; None if it is none, or if its mark does not say. Raises OSError."""
    said = mark.get(PLACE)
    if not isinstance(said, dict) or said.get("inode") == _inode(root):
        return None
    return f"{said.get('root')} of host {said.get('host')}"


def distrust(state: State, folder: Path) -> None:
    """Of the replicas in this folder nothing is believed any more: their points are read again, and with the next cycle the source compares
    all blocks."""
    for replica in (path.parent for path in folder.glob("*/replica.json")):
        Verdicts(state, replica.name).distrust()
        if (replica / "digests").is_symlink():  # it is not opened either
            continue
        for path in (replica / "digests").glob("*.map"):
            path.unlink()


def _inode(root: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return (root / "replicas").stat().st_ino
    return None
