"""Reads a second at the deepest of 1,000 points, against a chain of two files."""

from __future__ import annotations

import statistics

from bench.figure import Figure
from bench.support import deep


def measure() -> Figure:
    found = deep.measured()
    ratios = found.reads.ratios
    value = round(statistics.median(ratios), 2)
    return Figure(
        name="deep_chain_read_ratio", value=value, unit="x", goal=0.8, better="higher",
        peer="an overlay on one file with the same content",
        how=(
            f"{deep.READS} reads of 4 KiB all over the disk, 16 in flight, by way of a QEMU that has the "
            "disk, with all files in memory, in turn"
        ),
        spread={"min": round(min(ratios), 2), "median": value, "max": round(max(ratios), 2)},
        measured=found.reads.measured(),
    )  # fmt: skip
