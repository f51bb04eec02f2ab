"""How far behind the second site is with N machines under two appliances, of which one in ten writes
pages."""

from __future__ import annotations

from bench.figure import Figure, percentile, spread_of
from bench.support import crowd

GOAL_SECONDS = {300: 15.0, 1000: 60.0}


def measure(machines: int) -> Figure:
    seen = crowd.measured(machines)
    cores = ", ".join(
        f"{part} {cores:.2f} cores and {seen.rss_mb[part]:.0f} MB" for part, cores in seen.cores.items()
    )
    return Figure(
        name=f"rpo_p99_seconds_{machines}_machines", value=round(seen.p99, 2), unit="s",
        goal=GOAL_SECONDS.get(machines, 60.0), better="lower",
        peer=(
            f"p99 of those that write {percentile(seen.busy, 0.99):.2f} s, of the others "
            f"{percentile(seen.idle, 0.99):.2f} s; {cores}"
        ),
        how="now minus the instant that LATEST would start from, of all machines, every "
        f"{crowd.EVERY_SECONDS:.0f} s for {crowd.SAMPLED_SECONDS} s; {machines} simulated machines of 16 "
        f"MiB, 5 s between cycles, a point every five minutes, one in {crowd.ONE_WRITES_IN} writes "
        f"{4 * crowd.PAGES_A_TURN} scattered pages a second; two appliances as processes, no vault",
        spread=spread_of(seen.busy + seen.idle),
        measured={"busy": spread_of(seen.busy), "idle": spread_of(seen.idle), "cores": seen.cores,
        "rss_mb": seen.rss_mb},
    )  # fmt: skip
