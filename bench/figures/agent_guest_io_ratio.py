"""How much a machine writes while the agent follows and takes points, of what it writes without."""

from __future__ import annotations

import contextlib

from bench.figure import Figure, spread_of
from bench.support import followed

PAIRS = 5
SPAN_SECONDS = 21.0
Written = dict[str, float]


def measure() -> Figure:
    with contextlib.ExitStack() as stack:
        machine = followed.Machine(stack)
        found = [_pair(machine, number) for number in range(PAIRS)]
    spread = spread_of([on["mb_per_second"] / off["mb_per_second"] for on, off, _ in found])
    p99 = spread_of([on["p99_ms"] for on, _, _ in found]), spread_of([off["p99_ms"] for _, off, _ in found])
    points = ", ".join(said for _, _, said in found)
    return Figure(
        name="agent_guest_io_ratio", value=spread["median"], unit="x", goal=0.95, better="higher",
        peer=f"the same without an agent; p99 of what is made durable {p99[0]['median']:.2f} ms with "
        f"({p99[0]['min']:.2f} to {p99[0]['max']:.2f}), {p99[1]['median']:.2f} without "
        f"({p99[1]['min']:.2f} to {p99[1]['max']:.2f})",
        how=f"{followed.HOW}; {PAIRS} pairs in turn of {SPAN_SECONDS:.0f} s; points: {points}",
        spread=spread, measured={"with": [on for on, _, _ in found], "without": [off for _, off, _ in found]},
    )  # fmt: skip


def _pair(machine: followed.Machine, number: int) -> tuple[Written, Written, str]:
    """With and without; who comes first alternates."""
    off = machine.written(SPAN_SECONDS) if number % 2 else None
    on, said = _with(machine)
    return on, off or machine.written(SPAN_SECONDS), said


def _with(machine: followed.Machine) -> tuple[Written, str]:
    with followed.followed(machine) as agent:
        on = machine.written(SPAN_SECONDS)
    return on, f"{agent.points} of {agent.tries}"
