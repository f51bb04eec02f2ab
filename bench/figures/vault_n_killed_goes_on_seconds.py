"""When a batch failover of N machines goes on after `kill -9` of the vault in its middle."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import killed


def measure(machines: int) -> Figure:
    found = killed.measured(machines)
    return Figure(
        name=f"vault_{machines}_killed_goes_on_seconds", value=round(found.goes_on_seconds, 2), unit="s",
        goal=3.0, better="lower",
        peer=f"until it serves again: {found.ready_seconds:.1f} s",
        how="from the start of a new process until the next machine's job ends; killed when "
        f"{found.ended_before} of {machines} had ended; all {machines} succeeded, {found.seconds:.1f} s "
        "after the request",
        measured={"ready_seconds": round(found.ready_seconds, 2), "seconds": round(found.seconds, 1)},
    )  # fmt: skip
