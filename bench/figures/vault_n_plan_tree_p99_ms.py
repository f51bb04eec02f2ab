"""How long a page of 100 of the tree of a plan's run takes while it runs, asked for by five clients."""

from __future__ import annotations

from bench.figure import Figure, percentile, spread_of
from bench.pair.planned import measured


def measure(machines: int) -> Figure:
    tree = measured(machines).commit.tree
    return Figure(
        name=f"vault_{machines}_plan_tree_p99_ms", value=round(percentile(tree.milliseconds, 0.99), 1),
        unit="ms", goal=100.0, better="lower",
        peer=f"{tree.size_bytes / 1e3:.0f} KB, {len(tree.seconds)} answers",
        how=(
            "jobs of the run's machines, on kept connections, while they are committed and the run is "
            "cancelled"
        ),
        spread=spread_of(tree.milliseconds),
    )  # fmt: skip
