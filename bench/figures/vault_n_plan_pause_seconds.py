"""How long a run of a recovery plan of N machines does nothing between two groups."""

from __future__ import annotations

from bench.figure import Figure, spread_of
from bench.pair.planned import GROUPS, measured


def measure(machines: int) -> Figure:
    pauses = measured(machines).failover.pauses
    return Figure(
        name=f"vault_{machines}_plan_pause_seconds", value=round(max(pauses), 2), unit="s", goal=1.0,
        better="lower",
        peer=f"{GROUPS} groups, the longest of their pauses",
        how="from the end of a group's last machine to the begin of the next group's first one",
        spread=spread_of(pauses), measured={"seconds": [round(each, 3) for each in pauses]},
    )  # fmt: skip
