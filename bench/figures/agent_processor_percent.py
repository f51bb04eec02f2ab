"""How much of one processor the agent takes while its machine writes 20 MB a second."""

from __future__ import annotations

import contextlib
import time

from bench.figure import Figure, spread_of
from bench.support import followed

SPANS = 3
SPAN_SECONDS = 41.0
BYTES_PER_SECOND = 20e6


def measure() -> Figure:
    with contextlib.ExitStack() as stack:
        machine = followed.Machine(stack)
        found = [_share(machine) for _ in range(SPANS)]
    spread = spread_of([share for share, _ in found])
    rates = " ".join(f"{rate:.1f}" for _, rate in found)
    return Figure(
        name="agent_processor_percent", value=spread["median"], unit="%", goal=3.0, better="lower",
        peer=f"none; the machine wrote {rates} MB a second",
        how=f"{followed.HOW}; processor time of the agent and its watchdogs, in {SPANS} spans of "
        f"{SPAN_SECONDS:.0f} s; the programs in the kernel run within what writes, and are not in it",
        spread=spread,
    )  # fmt: skip


def _share(machine: followed.Machine) -> tuple[float, float]:
    with followed.followed(machine) as agent:
        before, began = agent.processor_seconds(), time.monotonic()
        rate = machine.written(SPAN_SECONDS, BYTES_PER_SECOND)["mb_per_second"]
        taken = agent.processor_seconds() - before
        return 100 * taken / (time.monotonic() - began), rate
