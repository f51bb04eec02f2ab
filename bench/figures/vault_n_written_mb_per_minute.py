"""What the vault writes to its disk in peace with N machines."""

from __future__ import annotations

from bench.figure import Figure
from bench.pair import before
from bench.pair.in_peace import PEACE_SECONDS
from bench.pair.measured import measured


def measure(machines: int) -> Figure:
    found = measured(machines)
    usual, as_before = found.usual.written_mb_per_minute, found.point_every_cycle.written_mb_per_minute
    return Figure(
        name=f"vault_{machines}_written_mb_per_minute", value=round(usual, 2), unit="MB", goal=5.0,
        better="lower",
        peer=f"{before.peer('written', machines)}, with a point every cycle; that way now {as_before:.1f} MB",
        how=f"write_bytes of the vault's process in {PEACE_SECONDS:.0f} s, on SQLite; {machines} machines "
        "under the default policy, one in ten writes",
        measured={"point_every_cycle": round(as_before, 2)},
    )  # fmt: skip
