"""Recognizes a store that was copied: its files were copied, but its folder is another one.

What an appliance knows of points, and the digests of heads, is true only of the files that it wrote. A copy
may be older, or may have been made while they changed; so nothing of a copy is trusted before it was read."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import structlog

from ....ground.real_files import FileNumber, file_number
from ...shared import State
from ..verdicts import Verdicts

PLACE = "place"
"""The key in the store's mark that says where the store lies. `secondsite-rescue` knows it too."""

log = structlog.get_logger(__name__)


def place_of(root: Path) -> dict[str, object]:
    """Where a store lies, for its mark; `inode` and `generation` are those of the folder of its replicas,
    which do not change when it is moved."""
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


def told(root: Path, mark: Mapping[str, object]) -> str | None:
    """For a store of another appliance: why the folder is not taken for it, as a sentence; None if it is
    where its mark says. Its tokens prove nothing of that: whoever copies it copies them along."""
    if not isinstance(mark.get(PLACE), dict):
        return f"{root} does not say where it lies: start its appliance, of this release, once."
    original = copied_from(root, mark)
    if original is None:
        return None
    return (
        f"{root} is a copy of {original}, and is not taken for it: remove it, or keep it elsewhere; if the "
        "store itself is lost, put the copy into its place, and start its appliance, which reads all of it."
    )


def distrust(state: State, folder: Path) -> None:
    """Trust nothing of the replicas in this folder any more: their points are read again, and with the next
    cycle the source compares all blocks."""
    for replica in (path.parent for path in folder.glob("*/replica.json")):
        Verdicts(state, replica.name).distrust()
        if (replica / "digests").is_symlink():  # it is not opened either
            continue
        for path in (replica / "digests").glob("*.map"):
            path.unlink()
