"""What a cycle of a machine that wrote nothing takes of the processor, at both sites together."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import cycle_cost
from bench.support.cycle_cost import Cost


def measure() -> Figure:
    real, simulated = cycle_cost.measured("libvirt"), cycle_cost.measured("simulated")
    return Figure(
        name="idle_cycle_processor_ms", value=round(real["idle"].total, 1), unit="ms", goal=3.0, better="lower",
        peer=f"a cycle of a guest that wrote a few pages: {real['busy']}; simulated: idle {simulated['idle']}, "
        f"with pages {simulated['busy']}",
        how=f"a real guest: {real['idle']}; processor time of both appliances, of the target's storage daemon and of the "
        f"guests' QEMUs while a machine has a cycle every {cycle_cost.ON_SECONDS} s, less what they take without cycles, by "
        f"the cycles; median of {cycle_cost.ROUNDS} spans of {cycle_cost.SPAN_SECONDS:.0f} s",
        measured={"libvirt": _told(real), "simulated": _told(simulated)},
    )  # fmt: skip


def _told(found: dict[str, Cost]) -> dict[str, object]:
    return {
        name: {"ms": {part: round(ms, 2) for part, ms in cost.by_part.items()}, "cycles": cost.cycles}
        for name, cost in found.items()
    }
