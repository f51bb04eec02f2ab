"""What a cycle of a machine that wrote nothing takes of the processor, at both sites together."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import cycle_cost


def measure() -> Figure:
    real, simulated = cycle_cost.measured("libvirt")["idle"], cycle_cost.measured("simulated")["idle"]
    return Figure(
        name="idle_cycle_processor_ms", value=round(real.total, 1), unit="ms", goal=3.0, better="lower",
        peer=f"a simulated machine: {simulated}", how=f"a real guest: {real}; {cycle_cost.HOW}",
        measured={"libvirt": real.told(), "simulated": simulated.told()},
    )  # fmt: skip
