"""What a cycle of a machine that wrote a few pages takes of the processor, at both sites together."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import cycle_cost


def measure() -> Figure:
    real, simulated = cycle_cost.measured("libvirt")["busy"], cycle_cost.measured("simulated")["busy"]
    return Figure(
        name="few_pages_cycle_processor_ms", value=round(real.total, 1), unit="ms", goal=15.0, better="lower",
        peer=f"a simulated machine: {simulated}",
        how=f"a real guest that writes {cycle_cost.PAGES_PER_SECOND} pages a second: {real}; {cycle_cost.HOW}",  # noqa: E501
        measured={"libvirt": real.told(), "simulated": simulated.told()},
    )  # fmt: skip
