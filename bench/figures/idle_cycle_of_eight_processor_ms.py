"""What a cycle of one of eight guests that wrote nothing takes of the processor, at both sites together."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import cycle_cost

GUESTS = 8


def measure() -> Figure:
    real = cycle_cost.measured("libvirt", GUESTS)["idle"]
    return Figure(
        name="idle_cycle_of_eight_processor_ms", value=round(real.total, 1), unit="ms", goal=3.0,
        better="lower",
        peer="see idle_cycle_processor_ms for one alone",
        how=f"{GUESTS} real guests: {real}; {cycle_cost.HOW}",
        measured={"libvirt": real.told()},
    )  # fmt: skip
