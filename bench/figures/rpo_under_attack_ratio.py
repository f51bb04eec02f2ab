"""How much older the second site is while strangers attack all ports."""

from __future__ import annotations

from bench.figure import Figure, percentile, spread_of
from bench.support import attacked


def measure() -> Figure:
    seen = attacked.measured()
    usual, under = percentile(seen.without.ages, 0.99), percentile(seen.under.ages, 0.99)
    return Figure(
        name="rpo_under_attack_ratio", value=round(under / usual, 2), unit="", goal=2.0, better="lower",
        peer=f"the same in the spans between: p99 {usual:.2f} s; under attack {under:.2f} s",
        how="now minus the instant that LATEST would start from, every quarter of a second; a simulated "
        f"machine that writes 1 MiB/s, 5 s between cycles. {attacked.HOW}",
        spread=spread_of(seen.under.ages),
        measured={"usual_seconds": spread_of(seen.without.ages)},
    )  # fmt: skip
