"""How simulated guests stand still: a lock that each of their writes shares and that a hold takes alone.

The gate before it keeps guests that write without pause from starving a hold. Locks end with their holder, so
guests go on whatever happens to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from . import files

GUEST_SECONDS = 120.0


@contextlib.contextmanager
def moving(root: Path, fabric_id: str, deadline_seconds: float = GUEST_SECONDS) -> Iterator[None]:
    """A guest may write inside; waits while it is held."""
    gate, floor = _paths(root, fabric_id)
    with files.locked(gate, deadline_seconds, f"let the guest of {fabric_id} write", shared=True):
        pass
    with files.locked(floor, deadline_seconds, f"let the guest of {fabric_id} write", shared=True):
        yield


@contextlib.contextmanager
def still(root: Path, fabric_id: str, deadline_seconds: float) -> Iterator[None]:
    """The guest does not write inside; raises FabricError when it cannot be stopped in time."""
    gate, floor = _paths(root, fabric_id)
    with files.locked(gate, deadline_seconds, f"hold the guest of {fabric_id}"):
        with files.locked(floor, deadline_seconds, f"hold the guest of {fabric_id}"):
            yield


def _paths(root: Path, fabric_id: str) -> tuple[Path, Path]:
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{fabric_id}.gate", folder / f"{fabric_id}.floor"
