"""Memory that the vault holds in peace with N machines."""

from __future__ import annotations

from bench.figure import Figure, spread_of
from bench.pair import before
from bench.pair.in_peace import PEACE_SECONDS
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    spread = spread_of(found.usual.rss_mb)
    return Figure(
        name=f"vault_{machines}_rss_mb", value=round(spread["max"], 1), unit="MB", goal=250.0, better="lower",
        peer=before.peer("rss", machines),
        how=f"most resident memory in {PEACE_SECONDS:.0f} s of peace after {machines} machines were enabled "
        f"at once; after a batch failover of all {found.rss_mb_after:.0f} MB",
        spread=spread, measured={"samples": found.usual.rss_mb,
        "after_batches": round(found.rss_mb_after, 1)},
    )  # fmt: skip
