"""How long 16 machines of a group stand still for a common point, while all of them write."""

from __future__ import annotations

from contextlib import ExitStack

from bench.errors import NotMeasured
from bench.figure import Figure, percentile, spread_of
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from secondsite.fabrics.simulated.owner.writer import Writer
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.setups import GroupShape

MACHINES = 16
DISK_BYTES = 64 * MiB
ROUNDS = 30
BUDGET_SECONDS = 10.0
"""More than the appliance's own 2 s, so that a slow hold is measured rather than cut off."""


def measure() -> Figure:
    with TwoSites() as sites, ExitStack() as stack:
        machines = [Machine(sites, f"vm{number:02d}", [DISK_BYTES]) for number in range(MACHINES)]
        for machine in machines:
            machine.replicate(policy(cycle_seconds=30))
        for machine in machines:
            machine.wait_for_point()
            stack.enter_context(
                Writer(sites.a.root, machine.fabric_id, bytes_per_second=256 * KiB, block_bytes=16 * KiB)
            )
        group = GroupShape(
            name="bench", multi_vm_every_seconds=3600, members=tuple(each.machine_id for each in machines)
        )
        pauses = [_pause_ms(sites, group) for _ in range(ROUNDS)]
    p50, p99 = percentile(pauses, 0.5), percentile(pauses, 0.99)
    return Figure(
        name="multi_vm_pause_16_ms", value=round(p99, 1), unit="ms", goal=2000.0, better="lower",
        peer=f"the budget after which machines go on in any case: 2000 ms; p50 of ours: {p50:.1f} ms",
        how=f"{MACHINES} simulated machines on one storage daemon, each writing 256 KiB/s; from before the "
        "first is held until all are let go: checkpoint and view of each fixed, all else was prepared "
        f"before; p99 of {ROUNDS}",
        spread={**spread_of(pauses), "p50": round(p50, 1), "p99": round(p99, 1)},
        measured={"pause_ms": [round(pause, 1) for pause in pauses]},
    )  # fmt: skip


def _pause_ms(sites: TwoSites, group: GroupShape) -> float:
    common = sites.a.common_point(group, BUDGET_SECONDS)
    if common["set_id"] is None:
        raise NotMeasured(f"no common point: {common['reason']}")
    return float(common["pause_seconds"]) * 1000
