"""Memory that an appliance holds with N machines, the larger one of source and target, beside its storage
daemons."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import crowd


def measure(machines: int) -> Figure:
    seen = crowd.measured(machines)
    larger = max(seen.rss_mb, key=lambda part: seen.rss_mb[part])
    return Figure(
        name=f"appliance_{machines}_rss_mb", value=round(seen.rss_mb[larger], 1), unit="MB", goal=250.0,
        better="lower",
        peer=", ".join(f"{part} {mb:.0f} MB" for part, mb in seen.rss_mb.items()),
        how=f"most resident memory of one appliance process in {crowd.SAMPLED_SECONDS} s, while {machines} "
        f"simulated machines of 16 MiB are replicated, of which one in {crowd.ONE_WRITES_IN} writes; no "
        "vault",
        measured={"rss_mb": seen.rss_mb},
    )  # fmt: skip
