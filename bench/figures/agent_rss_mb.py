"""Memory that the agent holds at most, while its machine writes and points are taken."""

from __future__ import annotations

import contextlib

from bench.figure import Figure
from bench.support import followed

SPAN_SECONDS = 41.0


def measure() -> Figure:
    with contextlib.ExitStack() as stack:
        machine = followed.Machine(stack)
        with followed.followed(machine) as agent:
            machine.written(SPAN_SECONDS)
            told = agent.ask("memory")["told"]
    return Figure(
        name="agent_rss_mb", value=round(told["most_resident_bytes"] / 1e6, 1), unit="MB", goal=64.0,
        better="lower", peer=f"now {told['resident_bytes'] / 1e6:.1f} MB; {agent.points} points were taken",
        how=f"{followed.HOW}; the most that was resident in {SPAN_SECONDS:.0f} s, of which the 24 MiB that a "
        "point may hold are locked only while one is taken",
    )  # fmt: skip
