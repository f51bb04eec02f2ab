"""What a store of 1,000 points occupies with its merged layers, against the layers alone."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import deep


def measure() -> Figure:
    found = deep.measured()
    value = round(found.store_ratio, 3)
    return Figure(
        name="deep_chain_store_ratio", value=value, unit="x", goal=1.1, better="lower",
        peer="the same layers before any was merged",
        how="what the file system has in use, an XFS with reflink, before and after all layers were merged that are to be",
        spread={"min": value, "median": value, "max": value},
        measured={"plain_bytes": found.plain_bytes, "stored_bytes": found.stored_bytes},
    )  # fmt: skip
