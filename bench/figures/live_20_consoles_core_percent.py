"""Processor that twenty open consoles take of the vault, while 200 of 1,000 machines change each second."""

from __future__ import annotations

import time

from bench.errors import NotMeasured
from bench.figure import Figure
from bench.pair import at_work
from bench.pair.followers import followers, told
from bench.pair.in_peace import POLICY, SETTLE_SECONDS
from bench.pair.paired_vault import PairedVault
from bench.support.taken import Taken

CONSOLES, MACHINES = 20, 1000
SECONDS = 40.0
CHANGED, LEAST_CHANGED = 200, 60
"""Rows that are meant to change each second, and how many must. On a busy host reports come less often: then
all that was taken is told as for the rows that were meant, which is too much."""
CYCLE_SECONDS = 3
"""Each machine has a new point so often: more than are needed, since reports come in portions, and one that
changes twice within a batch is told once."""


def measure() -> Figure:
    with PairedVault(MACHINES) as paired:
        at_work.enable(paired)
        _change_with_every_cycle(paired)
        time.sleep(2 * SETTLE_SECONDS)
        without = [_percent(paired)]
        with followers(paired, CONSOLES) as process:
            began = time.monotonic()
            time.sleep(SETTLE_SECONDS)
            followed = [_percent(paired), _percent(paired)]
            seen, seconds = told(process), time.monotonic() - began
        time.sleep(SETTLE_SECONDS)
        without.append(_percent(paired))
    a_second = seen.rows / CONSOLES / seconds
    if a_second < LEAST_CHANGED:
        raise NotMeasured(f"each was told of only {a_second:.0f} rows a second")
    bytes_a_second = seen.size_bytes / CONSOLES / seconds
    taken = sum(followed) / 2 - sum(without) / 2
    value = taken * max(1.0, CHANGED / a_second)
    return Figure(
        name="live_20_consoles_core_percent", value=round(value, 2), unit="%", goal=5.0, better="lower",
        peer=f"the vault alone: {without[0]:.1f} % before and {without[1]:.1f} % after",
        how=f"processor time of the vault's process with {CONSOLES} streams of GET /api/live, less that "
        f"without; {MACHINES} machines, each of which has a new point with every cycle: "
        f"each stream told {a_second:.0f} changed rows a second, in {bytes_a_second:,.0f} bytes, which took "
        f"{taken:.1f} %; told is that for {CHANGED} rows",
        measured={
            "followed_percent": followed, "without_percent": without, "batches": seen.batches,
            "rows": seen.rows, "size_bytes": seen.size_bytes,
        },
    )  # fmt: skip


def _change_with_every_cycle(paired: PairedVault) -> None:
    with paired.client() as vault:
        vault.policies[POLICY].update(
            cycle_seconds=CYCLE_SECONDS, crash_consistent_every_seconds=CYCLE_SECONDS
        )


def _percent(paired: PairedVault) -> float:
    before = Taken.by(paired.vault.pid).processor_seconds
    began = time.monotonic()
    time.sleep(SECONDS)
    took = Taken.by(paired.vault.pid).processor_seconds - before
    found = round(100 * took / (time.monotonic() - began), 2)
    paired.say(f"{found} % of a core")
    return found
