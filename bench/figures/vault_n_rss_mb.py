"""Memory that the vault holds with N machines, in peace and while it is watched: by twenty open consoles, a
monitoring system and people who log in."""

from __future__ import annotations

from bench.figure import Figure, spread_of
from bench.pair import before
from bench.pair.in_peace import PEACE_SECONDS
from bench.pair.measured import measured
from bench.pair.watched import CONSOLES, SCRAPE_SECONDS, WATCHED_SECONDS


def measure(machines: int) -> Figure:
    found = measured(machines)
    samples = (*found.usual.rss_mb, *found.watched_rss_mb)
    spread = spread_of(samples)
    return Figure(
        name=f"vault_{machines}_rss_mb", value=round(spread["max"], 1), unit="MB", goal=250.0, better="lower",
        peer=before.peer("rss", machines),
        how=f"most resident memory in {PEACE_SECONDS:.0f} s of peace after {machines} machines were enabled "
        f"at once ({max(found.usual.rss_mb):.0f} MB), and in {WATCHED_SECONDS:.0f} s with {CONSOLES} open "
        f"consoles, a scrape and a log-in every {SCRAPE_SECONDS:.0f} s ({max(found.watched_rss_mb):.0f} MB); "
        f"after a batch failover of all {found.rss_mb_after:.0f} MB",
        spread=spread, measured={"samples": found.usual.rss_mb, "watched": found.watched_rss_mb,
        "after_batches": round(found.rss_mb_after, 1)},
    )  # fmt: skip
