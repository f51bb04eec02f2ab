"""A store that was copied is known as a copy: its mark came along, the folder that its replicas lie in did
not."""

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
    """Where a store lay that this one is a copy of; None if this is none, as far as its appliance has
    said."""
    place = mark_of(root).get(PLACE)
    return str(place.get("root")) if isinstance(place, dict) and _is_another(root, place) else None


def _is_another(root: Path, place: dict[str, Any]) -> bool:
    """Whether the replicas of this store lie in another folder than its appliance wrote.

    Number and use of it: ext4 gives the number of a folder that went to the next one.
    """
    try:
        inode, generation = files.number(root / "replicas")
        stated = place.get("generation")
        return bool(place["inode"] != inode or (None not in (stated, generation) and stated != generation))
    except (OSError, KeyError):
        return False


def lies_elsewhere(root: Path) -> bool:
    """Whether it is a copy, and not in the place of its original."""
    original = original_of(root)
    return original is not None and os.path.realpath(original) != os.path.realpath(root)


def told(stores: Iterable[Path]) -> Iterator[str]:
    """A sentence for each of these that is a copy, as far as its appliance has said where it lies."""
    for root in stores:
        if original_of(root) is None:
            continue
        place = mark_of(root)[PLACE]
        since = datetime.fromtimestamp((root / MARK).stat().st_ctime, timezone.utc)  # noqa: UP017 Python 3.9 has no datetime.UTC
        yield (
            f"{root} is a copy of {place.get('root')} of host {place.get('host')}, which came here at "
            f"{since:%Y-%m-%d %H:%M:%SZ}; "
            "'verify' says whether it is whole. The store itself may have newer points."
        )
