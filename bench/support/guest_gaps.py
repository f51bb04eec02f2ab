"""What a real guest notices of cycles: the longest time, second by second, in which none of its writes ended.

The guest writes pages of 4 KiB with O_DIRECT, always one at a time, and reads its own kernel's record of when
each ended (microseconds, clock 'mono'). Replication is on and off in turn, for a guest under emulation on a
busy host has gaps of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import guestkit
from bench.errors import NotMeasured
from bench.support import replicated
from bench.support.policies import for_vault
from rig import GuestMachine, Rig
from secondsite.ground.units import MiB

CYCLES = 60
MOST_SPANS = 12
SPAN_SECONDS = 15.0
SETTLE_SECONDS = 3.0
DISK_BYTES = 64 * MiB
ON_SECONDS, OFF_SECONDS = 1.0, 3600.0
WORKLOAD = guestkit.Workload(records_per_second=0, load_span_mib=16, gaps=True)


@dataclass(slots=True)
class Gaps:
    """Milliseconds, one value for each second of the guest, with cycles and without; writes a second of
    both."""

    on: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    writes_on: list[int] = field(default_factory=list)
    writes_off: list[int] = field(default_factory=list)
    cycles: int = 0


def measured(view_kind: str) -> Gaps:
    """Spans with and without cycles in turn, until there were enough cycles for a p99."""
    gaps = Gaps()
    rig = Rig("libvirt", appliance_options={"a": ["--view-kind", view_kind]})
    try:
        guest = replicated.guest(rig, WORKLOAD, DISK_BYTES, for_vault(30, OFF_SECONDS))
        guest.console.wait_for(lambda console: console.gaps, replicated.BOOT_SECONDS)
        machine_id = replicated.machine_id(rig)
        for number in range(MOST_SPANS):
            for cycles in (True, False) if number % 2 else (False, True):
                _span(rig, guest, machine_id, cycles, gaps)
            if gaps.cycles >= CYCLES:
                return gaps
    finally:
        rig.close()
    raise NotMeasured(f"only {gaps.cycles} cycles came in {MOST_SPANS} spans of {SPAN_SECONDS:.0f} s")


def _span(rig: Rig, guest: GuestMachine, machine_id: str, cycles: bool, gaps: Gaps) -> None:
    """Add what the guest says within a span."""
    with rig.client() as vault:
        vault.policies["bench"].update(
            crash_consistent_every_seconds=30, cycle_seconds=ON_SECONDS if cycles else OFF_SECONDS
        )
    time.sleep(SETTLE_SECONDS)
    seen, seq = len(guest.console.gaps), replicated.processed_seq(rig, machine_id)
    time.sleep(SPAN_SECONDS)
    said, came = guest.console.gaps[seen:], replicated.processed_seq(rig, machine_id) - seq
    if (came > 1) is not cycles or not said:
        raise NotMeasured(f"{came} cycles and {len(said)} reports of the guest with cycles {cycles}")
    longest, writes = [each.longest_ms for each in said], [each.writes for each in said]
    if cycles:
        gaps.on += longest
        gaps.writes_on += writes
        gaps.cycles += came
    else:
        gaps.off += longest
        gaps.writes_off += writes
