"""What the vault writes to its disk in peace with N machines."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.in_peace import SPAN_SECONDS
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    return Figure(
        name=f"vault_{machines}_written_mb_per_minute", value=round(measured(machines).peace.written_mb_per_minute, 2),
        unit="MB", goal=5.0, better="lower", peer=before.peer("written", machines),
        how=f"write_bytes of the vault's process in {SPAN_SECONDS:.0f} s, on SQLite; {machines} machines under the default "
        "policy, one in ten writes",
    )  # fmt: skip
