"""Pauses simulated guests, by a lock that each of their writes shares and that a pause takes exclusively.

The gate before it keeps guests that write continuously from starving a pause. Locks end with their owner, so
guests go on whatever happens to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from . import files

GUEST_SECONDS = 120.0


@contextlib.contextmanager
def moving(root: Path, fabric_id: str, deadline_seconds: float = GUEST_SECONDS) -> Iterator[None]:
    """A guest may write inside the context; waits while it is paused."""
    gate, floor = _paths(root, fabric_id)
    with files.locked(gate, deadline_seconds, f"let the guest of {fabric_id} write", shared=True):
        pass
    with files.locked(floor, deadline_seconds, f"let the guest of {fabric_id} write", shared=True):
        yield


@contextlib.contextmanager
def still(root: Path, fabric_id: str, deadline_seconds: float) -> Iterator[None]:
    """Pause the guest inside the context; raises FabricError if it cannot be paused in time."""
    gate, floor = _paths(root, fabric_id)
    with files.locked(gate, deadline_seconds, f"pause the guest of {fabric_id}"):
        with files.locked(floor, deadline_seconds, f"pause the guest of {fabric_id}"):
            yield


def _paths(root: Path, fabric_id: str) -> tuple[Path, Path]:
    folder = root / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{fabric_id}.gate", folder / f"{fabric_id}.floor"
