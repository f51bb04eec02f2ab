"""What the vault holds after a failover of N machines, by what it held before."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.at_work import REST_SECONDS
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    return Figure(
        name=f"vault_{machines}_rss_after_batch_ratio",
        value=round(found.rss_mb_after / found.rss_mb_before, 3), unit="x", goal=1.2,
        better="lower", peer=before.peer("rss_after", machines),
        how=f"resident memory {REST_SECONDS:.0f} s after the end of a batch failover of {machines} machines "
        f"({found.rss_mb_after:.0f} MB), by that before it ({found.rss_mb_before:.0f} MB)",
        measured={"before_mb": round(found.rss_mb_before, 1), "after_mb": round(found.rss_mb_after, 1)},
    )  # fmt: skip
