"""How long a run of a plan of N machines goes on after the last machine that had begun when it was
cancelled."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair.planned import GROUPS, measured


def measure(machines: int) -> Figure:
    found = measured(machines).commit
    return Figure(
        name=f"vault_{machines}_plan_cancel_seconds", value=round(found.ends_after_seconds, 2), unit="s",
        goal=1.0, better="lower",
        peer=f"{found.began} of {machines} machines had begun, in {GROUPS} groups",
        how=(
            "a run stops between groups; from the end of its last machine to its own end, while five clients "
            "look at its tree"
        ),
    )  # fmt: skip
