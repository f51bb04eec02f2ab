"""How long a run of a recovery plan of N machines in seven groups takes."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair.planned import GROUPS, measured


def measure(machines: int) -> Figure:
    found = measured(machines).failover
    return Figure(
        name=f"vault_{machines}_plan_failover_seconds", value=round(found.batch.seconds, 1), unit="s",
        goal=20.0, better="lower",
        peer=f"the first machine's job ended after {found.batch.first_seconds:.1f} s",
        how=(
            f"from the request to the end of the run, {GROUPS} groups one after the other; both sites "
            "answer, and at once"
        ),
        measured={"first_seconds": round(found.batch.first_seconds, 2)},
    )  # fmt: skip
