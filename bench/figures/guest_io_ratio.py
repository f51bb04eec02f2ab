"""How much of its own I/O a real guest does while it is replicated, of what it does while replication
rests."""

from __future__ import annotations

import time

import guestkit
from bench.errors import NotMeasured
from bench.figure import Figure, spread_of
from bench.support import replicated
from bench.support.policies import for_vault
from rig import GuestMachine, Rig
from secondsite.ground.units import MiB

PAIRS = 6
SPAN_SECONDS = 15.0
SETTLE_SECONDS = 3.0
DISK_BYTES = 128 * MiB
POINT_SECONDS = 30
ON_SECONDS, OFF_SECONDS = 5.0, 3600.0
"""The pause between cycles: the default, and one that lets replication rest for longer than a pair."""
WORKLOAD = guestkit.Workload(records_per_second=0, load_span_mib=32, io=True)


def measure() -> Figure:
    found, by_filter = _measured("backup-job"), _measured("filter")
    spread, other = (spread_of([on / off for on, off in each]) for each in (found, by_filter))
    rates = " ".join(f"{off:.1f}" for _, off in found)
    return Figure(
        name="guest_io_ratio", value=spread["median"], unit="x", goal=0.95, better="higher",
        peer=f"the same guest while replication rests, in rounds a second: {rates}. With its views by "
        f"filters: {other['median']:.2f} ({other['min']:.2f} to {other['max']:.2f})",
        how="rounds of 1 MiB written and fsynced and 1 MiB read past the page cache (busybox dd on ext4 on "
        f"virtio) that a guest under TCG does in {SPAN_SECONDS:.0f} s with a cycle every {ON_SECONDS:.0f} s "
        f"and a point every {POINT_SECONDS} s, by those with none; {PAIRS} pairs in turn; the guest's QEMU, "
        "vault, both appliances and the target's storage daemon share this machine's processors and its "
        "disk, where a site of its own would carry the target's half",
        spread=spread, measured={"backup-job": _rounded(found), "filter": _rounded(by_filter)},
    )  # fmt: skip


def _rounded(found: list[tuple[float, float]]) -> dict[str, list[float]]:
    return {"on": [round(on, 2) for on, _ in found], "off": [round(off, 2) for _, off in found]}


def _measured(view_kind: str) -> list[tuple[float, float]]:
    """Rounds a second with replication on, and off."""
    rig = Rig("libvirt", appliance_options={"a": ["--view-kind", view_kind]})
    try:
        guest = replicated.guest(rig, WORKLOAD, DISK_BYTES, for_vault(POINT_SECONDS, ON_SECONDS))
        guest.console.wait_for(lambda console: console.io_rounds > 0, replicated.BOOT_SECONDS)
        return [_pair(rig, guest, number) for number in range(PAIRS)]
    finally:
        rig.close()


def _pair(rig: Rig, guest: GuestMachine, number: int) -> tuple[float, float]:
    """Rounds a second with replication on, and off; who comes first alternates."""
    if number % 2:
        off = _rate(rig, guest, OFF_SECONDS)
        return _rate(rig, guest, ON_SECONDS), off
    return _rate(rig, guest, ON_SECONDS), _rate(rig, guest, OFF_SECONDS)


def _rate(rig: Rig, guest: GuestMachine, cycle_seconds: float) -> float:
    with rig.client() as vault:
        vault.policies["bench"].update(
            crash_consistent_every_seconds=POINT_SECONDS, cycle_seconds=cycle_seconds
        )
    time.sleep(SETTLE_SECONDS)
    before, began, wire = guest.console.io_rounds, time.monotonic(), _wire_bytes(rig)
    time.sleep(SPAN_SECONDS)
    rounds = guest.console.io_rounds - before
    seconds = time.monotonic() - began
    if (_wire_bytes(rig) > wire) is not (cycle_seconds == ON_SECONDS):
        raise NotMeasured(f"replication did not follow its policy of {cycle_seconds:.0f} s between cycles")
    return rounds / seconds


def _wire_bytes(rig: Rig) -> int:
    with rig.client() as vault:
        return vault.machines[replicated.NAME].show().replication.total_wire_bytes
