"""A store that was copied is known as a copy: its files came along, the folder that they lie in did not.

What an appliance knows of points beside them, and the digests of heads, is true of the files that it
wrote. A copy may have been made while these changed, or be older; so of a copy nothing is believed before
it was read."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import structlog

from ....ground.real_files import FileNumber, file_number
from ...shared import State
from ..verdicts import Verdicts

PLACE = "place"
"""In the store's mark, where it lies. `secondsite-rescue` knows it too."""

log = structlog.get_logger(__name__)


def place_of(root: Path) -> dict[str, object]:
    """Where a store lies; `inode` and `generation` are those of the folder of its replicas, which stay
    with it when it is moved."""
    found = file_number(root / "replicas") or FileNumber(0, None)
    said = {"root": str(root.absolute()), "host": socket.gethostname()}
    return {**said, "inode": found.inode or None, "generation": found.generation}


def copied_from(root: Path, mark: Mapping[str, object]) -> str | None:
    """Of which store this is a copy, in words; None if it is none, or if its mark does not say."""
    said, now = mark.get(PLACE), place_of(root)
    if not isinstance(said, dict):
        return None
    is_same = said.get("inode") == now["inode"]
    if is_same and (said.get("generation") in (None, now["generation"]) or now["generation"] is None):
        return None  # the mark of a former release, and some file systems, tell no generation
    return f"{said.get('root')} of host {said.get('host')}"


def distrust(state: State, folder: Path) -> None:
    """Of the replicas in this folder nothing is believed any more: their points are read again, and with
    the next cycle the source compares all blocks."""
    for replica in (path.parent for path in folder.glob("*/replica.json")):
        Verdicts(state, replica.name).distrust()
        if (replica / "digests").is_symlink():  # it is not opened either
            continue
        for path in (replica / "digests").glob("*.map"):
            path.unlink()
