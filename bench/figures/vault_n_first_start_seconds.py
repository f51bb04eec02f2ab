"""When the first machine of a failover of N machines has started."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    return Figure(
        name=f"vault_{machines}_first_start_seconds",
        value=round(measured(machines).failover.first_seconds, 2),
        unit="s", goal=1.0, better="lower", peer=before.peer("first", machines),
        how=(
            "from the request to the end of the first machine's job, which ends with its start; appliances "
            "answer at once"
        ),
    )  # fmt: skip
