"""How long a failover of N machines takes that was asked for at once."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    return Figure(
        name=f"vault_{machines}_failover_seconds", value=round(measured(machines).failover.seconds, 1),
        unit="s",
        goal=20.0, better="lower", peer=before.peer("failover", machines),
        how="from the request to the end of the last machine's job; both sites answer, and at once",
    )  # fmt: skip
