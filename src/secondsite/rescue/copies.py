"""Recognizes a store that was copied: its mark was copied, but the folder of its replicas is another one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import files

MARK, PLACE = "store.json", "place"
"""The mark's file, and its key that says where the store lies; appliances use the same."""


def mark_of(root: Path) -> dict[str, Any]:
    """What a store's mark says; empty if there is none."""
    try:
        found = json.loads(files.content(root / MARK))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def original_of(root: Path) -> str | None:
    """The place of the store of which this one is a copy; None if it is not known to be one."""
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
    """Whether the store is a copy, and not in the place of its original."""
    original = original_of(root)
    return original is not None and os.path.realpath(original) != os.path.realpath(root)


def told(stores: Iterable[Path]) -> Iterator[str]:
    """A sentence for each of these stores that is known to be a copy."""
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
