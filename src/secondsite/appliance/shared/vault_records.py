"""Where lies what a vault knew of machines that are replicated from here: in the default store, since they have no replica there."""

from collections.abc import Sequence
from pathlib import Path

FOLDER = "sources"


def source(store: Path, machine_id: str) -> Path:
    return store / FOLDER / f"{machine_id}.json"


def sources(store: Path) -> Sequence[Path]:
    """All that are there."""
    return sorted((store / FOLDER).glob("*.json"))
