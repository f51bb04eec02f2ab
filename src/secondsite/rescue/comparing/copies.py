"""A store that was copied is known as a copy: its mark came along, the folder that its replicas lie in did not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from .. import files

MARK, PLACE = "store.json", "place"
"""Appliances write them, and know a copy by the same."""


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
