"""How much longer a start from the deepest of 1,000 points takes than one from a chain of two files."""

from __future__ import annotations

import statistics

from bench.figure import Figure
from bench.support import deep


def measure() -> Figure:
    found = deep.measured()
    ratios = [ours / theirs for ours, theirs in zip(found.starts.ours, found.starts.theirs, strict=True)]
    value = round(statistics.median(ratios), 2)
    return Figure(
        name="deep_chain_start_ratio", value=value, unit="x", goal=1.5, better="lower",
        peer="an overlay on one file with the same content",
        how="from the order until a QEMU that has opened the disk answers, in turn; ours makes its run, too",
        spread={"min": round(min(ratios), 2), "median": value, "max": round(max(ratios), 2)},
        measured=found.starts.measured(),
    )  # fmt: skip
