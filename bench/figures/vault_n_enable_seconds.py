"""How long it takes until N machines are under protection that were asked for at once."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    enable = measured(machines).enable
    return Figure(
        name=f"vault_{machines}_enable_seconds", value=round(enable.seconds, 1), unit="s", goal=30.0,
        better="lower",
        peer=before.peer("enable", machines),
        how="from the request to the end of the last machine's job; appliances answer at once and have the "
            "first point at once; "
        f"the first machine was protected after {enable.first_seconds:.1f} s",
        measured={"first_seconds": round(enable.first_seconds, 2)},
    )  # fmt: skip
