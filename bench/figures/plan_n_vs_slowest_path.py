"""A failover of N machines where a start takes 5 s, eight at a time, by what the starts alone take."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair.measured import AS_REAL_ONES, failed_over_as_real_ones, slowest_path_seconds


def measure(machines: int) -> Figure:
    found, alone = failed_over_as_real_ones(machines), slowest_path_seconds(machines)
    return Figure(
        name=f"plan_{machines}_vs_slowest_path", value=round(found.seconds / alone, 3), unit="x", goal=1.1,
        better="lower", peer=f"the starts alone: {alone:.0f} s",
        how=f"one batch of {machines} machines, from the request to its end: {found.seconds:.1f} s, the "
        f"first machine ran after {found.first_seconds:.1f} s; a start takes {AS_REAL_ONES.seconds:g} s, "
        f"{AS_REAL_ONES.at_once} go on beside each other",
        measured={"seconds": round(found.seconds, 1), "first_seconds": round(found.first_seconds, 2)},
    )  # fmt: skip
