"""How long it takes until each of N machines whose appliance was killed by `kill -9` has a point again."""

from __future__ import annotations

from bench.figure import Figure, spread_of
from bench.support import killed


def measure(machines: int) -> Figure:
    seen = killed.measured(machines)
    return Figure(
        name=f"killed_appliance_{machines}_point_seconds", value=round(max(seen.source + seen.target), 1),
        unit="s", goal=120.0, better="lower",
        peer=(
            f"source killed: half of its machines after {seen.median_source:.1f} s; target killed: "
            f"{seen.median_target:.1f} s"
        ),
        how=(
            f"{machines} simulated machines of 16 MiB under four appliances, two sources and two targets, no "
            f"vault; {killed.HOW}"
        ),
        measured={"source": spread_of(seen.source), "target": spread_of(seen.target)},
    )  # fmt: skip
