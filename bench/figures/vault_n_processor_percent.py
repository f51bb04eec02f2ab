"""Processor that the vault takes in peace with N machines (any number in the name), in percent of one
core."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.in_peace import PEACE_SECONDS
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    usual, as_before = found.usual, found.point_every_cycle.processor_percent
    return Figure(
        name=f"vault_{machines}_processor_percent", value=round(usual.processor_percent, 2), unit="%",
        goal=5.0,
        better="lower",
        peer=f"{before.peer('processor', machines)}, with a point every cycle; that way now {as_before:.1f} %",  # noqa: E501
        how=f"processor time of the vault's process in {PEACE_SECONDS:.0f} s; {machines} machines under the "
        "default policy, one in ten writes, nobody asks anything; the scripted pair took "
        f"{usual.pair_percent:.1f} % beside it",
        measured={"pair_percent": round(usual.pair_percent, 2), "point_every_cycle": round(as_before, 2)},
    )  # fmt: skip
