"""From the word failover to a guest that has verified its records, against the bare boot of the same disk."""

from __future__ import annotations

import time

from bench.figure import Figure, Pairs, spread_of
from bench.support import lone_guests
from rig import GuestMachine, Rig, processes
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from secondsite.wire.common.machines import PowerState

ROUNDS = 3


def measure() -> Figure:
    return _figure(lone_guests.pairs(_fail_over, lone_guests.bare_boot, ROUNDS))


def _figure(found: Pairs) -> Figure:
    spread = spread_of([ours / theirs for ours, theirs in zip(found.ours, found.theirs, strict=True)])
    boots = " ".join(f"{seconds:.1f}" for seconds in found.theirs)
    return Figure(
        name="failover_to_console_vs_bare_boot", value=spread["median"], unit="x", goal=2.0, better="lower",
        peer=f"plain QEMU (TCG) on a flat copy of the same disk: {boots} s",
        how="from the call failover (latest processed point, source dead) through vault, job, appliance "
        f"and libvirt, until the guest has verified its records and says READY; median of {ROUNDS} pairs in "
        "turn",
        spread=spread, measured=found.measured(),
    )  # fmt: skip


def _fail_over(rig: Rig, guest: GuestMachine) -> float:
    processes.kill_all(processes.of_folder(guest.disks[0].parent))
    # What libvirt still does for a guest that died this moment is no part of a failover.
    rig.wait_for(guest.name, lambda machine: machine.power is PowerState.OFF)
    request = rest.Failover(machines=(guest.name,), choice=RecoveryPointChoice.LATEST_PROCESSED)
    with rig.client() as vault:
        began = time.monotonic()
        job = vault.machines.start(Verb.FAILOVER, request).id
        lone_guests.at_b(rig, guest).wait_for_boot(1, lone_guests.BOOT_SECONDS)
        seconds = time.monotonic() - began
    rig.wait_for_job(job)
    lone_guests.end(rig, guest)
    return seconds
