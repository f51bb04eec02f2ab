"""What a real guest notices of cycles: the longest time, second by second, in which none of its writes ended.

The guest writes pages of 4 KiB with O_DIRECT, always one at a time, and reads its own kernel's record of when each ended
(microseconds, clock 'mono'). Replication is on and off in turn, for a guest under emulation on a busy host has
gaps of its own.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import guestkit
from rig import GuestMachine, Rig
from secondsite.datapath.units import MiB
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

from .policies import for_vault
from .sites import NotMeasured

CYCLES = 60
MOST_SPANS = 12
SPAN_SECONDS = 15.0
SETTLE_SECONDS = 3.0
BOOT_SECONDS = 180
DISK_BYTES = 64 * MiB
NAME = "bench"
ON_SECONDS, OFF_SECONDS = 1.0, 3600.0
WORKLOAD = guestkit.Workload(records_per_second=0, load_span_mib=16, gaps=True)


@dataclass(slots=True)
class Gaps:
    """Milliseconds, one value for each second of the guest, with cycles and without; writes a second of both."""

    on: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    writes_on: list[int] = field(default_factory=list)
    writes_off: list[int] = field(default_factory=list)
    cycles: int = 0


def measured() -> Gaps:
    """Spans with and without cycles in turn, until there were enough cycles for a p99."""
    gaps = Gaps()
    rig = Rig("libvirt")
    try:
        guest, machine_id = _protected(rig)
        for number in range(MOST_SPANS):
            for cycles in (True, False) if number % 2 else (False, True):
                _span(rig, guest, machine_id, cycles, gaps)
            if gaps.cycles >= CYCLES:
                return gaps
    finally:
        rig.close()
    raise NotMeasured(f"only {gaps.cycles} cycles came in {MOST_SPANS} spans of {SPAN_SECONDS:.0f} s")


def _protected(rig: Rig) -> tuple[GuestMachine, str]:
    made: list[GuestMachine] = []

    def furnish(site: str) -> None:
        if site == "a":
            home = rig.home("appliance-a")
            made.append(
                GuestMachine.make(NAME, home, rig.bridge("a"), disk_bytes=(DISK_BYTES,), workload=WORKLOAD)
            )
            made[0].console.wait_for_boot(1, BOOT_SECONDS)

    rig.open(furnish=furnish)
    with rig.client() as client:
        client.add_policy(for_vault(30, OFF_SECONDS))
    request = rest.EnableProtection(machines=(NAME,), source_site="a", target_site="b", policy="bench")
    rig.must(Verb.ENABLE_PROTECTION, request)
    made[0].console.wait_for(lambda console: console.gaps, BOOT_SECONDS)
    with rig.client() as client:
        return made[0], client.machine(NAME).id


def _span(rig: Rig, guest: GuestMachine, machine_id: str, cycles: bool, gaps: Gaps) -> None:
    """Add what the guest says within a span."""
    with rig.client() as client:
        client.update_policy(for_vault(30, ON_SECONDS if cycles else OFF_SECONDS))
    time.sleep(SETTLE_SECONDS)
    seen, seq = len(guest.console.gaps), _seq(rig, machine_id)
    time.sleep(SPAN_SECONDS)
    said, came = guest.console.gaps[seen:], _seq(rig, machine_id) - seq
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


def _seq(rig: Rig, machine_id: str) -> int:
    record = rig.home("appliance-b") / "store" / "replicas" / machine_id / "replica.json"
    return int(json.loads(record.read_text())["processed_seq"])
