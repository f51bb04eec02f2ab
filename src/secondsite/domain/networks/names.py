"""DNS names of a machine's cards."""

import re
from collections.abc import Sequence

LONGEST = 253
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def name(written: str) -> str:
    """The DNS name in its canonical form, web01.shop.example. Raises ValueError for what is not the name of a
    host."""
    found = written.lower().removesuffix(".")
    labels = found.split(".")
    if len(labels) < 2:
        raise ValueError(f"'{written}' has no domain: give the whole name, such as web01.shop.example")
    if len(found) > LONGEST or not all(map(LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise ValueError(f"'{written}' is not the name of a host, such as web01.shop.example")
    return found


def zone_of(found: str, zones: Sequence[str]) -> str | None:
    """The longest of these zones that contains the name; None if none does."""
    around = [zone for zone in zones if found == zone or found.endswith(f".{zone}")]
    return max(around, key=len, default=None)
