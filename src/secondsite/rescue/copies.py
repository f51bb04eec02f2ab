"""A store that was copied is known as a copy: its mark came along, the folder that its replicas lie in did not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import files

MARK, PLACE = "store.json", "place"
"""Appliances write them, and know a copy by the same."""


def mark_of(root: Path) -> dict[str, Any]:
    """What a store says of itself; empty if it says nothing."""
    try:
        found = json.loads(files.content(root / MARK))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def original_of(root: Path) -> str | None:
    """Where a store lay that this one is a copy of; None if this is none, as far as its appliance has said."""
    place = mark_of(root).get(PLACE)
    try:
        is_copy = isinstance(place, dict) and place["inode"] != (root / "replicas").stat().st_ino
    except (OSError, KeyError):
        return None
    return str(place.get("root")) if is_copy and isinstance(place, dict) else None


def lies_elsewhere(root: Path) -> bool:
    """Whether it is a copy, and not in the place of its original."""
    original = original_of(root)
    return original is not None and os.path.realpath(original) != os.path.realpath(root)


def told(stores: Iterable[Path]) -> Iterator[str]:
    """A sentence for each of these that is a copy, as far as its appliance has said where it lies."""
    for root in stores:
        try:
            place = dict(json.loads(files.content(root / MARK))[PLACE])
            inode, generation = files.number(root / "replicas")
            is_another = (
                None not in (generation, place.get("generation")) and generation != place["generation"]
            )
            is_copy = place["inode"] != inode or is_another
            since = datetime.fromtimestamp((root / MARK).stat().st_ctime, timezone.utc)  # noqa: UP017 Python 3.9 has no datetime.UTC
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if is_copy:
            yield (
                f"{root} is a copy of {place.get('root')} of host {place.get('host')}, which came here at {since:%Y-%m-%d %H:%M:%SZ}; "
                "'verify' says whether it is whole. The store itself may have newer points."
            )
