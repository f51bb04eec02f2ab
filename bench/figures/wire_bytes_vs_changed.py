"""Bytes on the wire against the compressed size of the 4 KiB blocks that really changed, the worst of
three loads."""

from __future__ import annotations

import statistics

from bench.figure import Figure, spread_of
from bench.support import loads, wire

LOADS = {"scattered 4 KiB": loads.scattered, "sequential": loads.sequential, "database": loads.database}


def measure() -> Figure:
    found = dict(zip(LOADS, wire.run(*LOADS.values()), strict=True))
    medians = {name: round(statistics.median(each.ratios), 3) for name, each in found.items()}
    worst = max(medians, key=lambda name: medians[name])
    return Figure(
        name="wire_bytes_vs_changed", value=medians[worst], unit="x", goal=1.1, better="lower",
        peer="zstd -1 of the changed 4 KiB blocks: "
        + ", ".join(f"{name} {ratio:.2f} x" for name, ratio in medians.items()),
        how=f"wire bytes of a cycle, with all of its headers, by that size; the worst load ({worst}) is the "
            "value; "
        f"median of {wire.CYCLES} cycles on a full disk of half-compressible data",
        spread=spread_of(found[worst].ratios),
        measured={name: {"wire": each.wire_bytes, "changed": each.changed_bytes} for name,
        each in found.items()},
    )  # fmt: skip
