"""Bytes of a resynchronization after a lost change bitmap, against the 4 KiB blocks that differ: one in a
hundred."""

from __future__ import annotations

import random

from bench.errors import NotMeasured
from bench.figure import Figure, spread_of
from bench.support import content, loads
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB

DISK_BYTES = 256 * MiB
ROUNDS = 3
CYCLES_AT_MOST = 20


def measure() -> Figure:
    with TwoSites() as sites:
        machine = Machine(sites, "bench", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))
        machine.replicate(policy())
        machine.wait_for_point()
        machine.pause()
        machine.cycle_with_point()
        found = [_once(sites, machine, number) for number in range(ROUNDS)]
    changed = DISK_BYTES // loads.PAGE_BYTES // 100 * loads.PAGE_BYTES
    spread = spread_of([wire / changed for wire in found])
    return Figure(
        name="resync_bytes_ratio", value=spread["median"], unit="x", goal=1.1, better="lower",
        peer=f"the changed 4 KiB blocks as they are: {changed} bytes",
        how="wire bytes of all cycles until the comparison is through, questions and digests of both "
        "directions with them; 1 % of the pages, spread evenly, overwritten with noise, so that "
        f"compression helps nothing; every bitmap removed; {DISK_BYTES // MiB} MiB, full; median of {ROUNDS}",
        spread=spread, measured={"wire": found, "changed": changed},
    )  # fmt: skip


def _once(sites: TwoSites, machine: Machine, seed: int) -> int:
    rng = random.Random(seed)
    pages = DISK_BYTES // loads.PAGE_BYTES
    before = machine.source_status().total_wire_bytes
    sites.a.fabric.tracking.acknowledge(machine.fabric_id, None)
    with simulated.Guest(sites.a.root, machine.fabric_id) as guest:
        for page in rng.sample(range(pages), pages // 100):
            guest.write("vda", page * loads.PAGE_BYTES, rng.randbytes(loads.PAGE_BYTES))
        guest.flush("vda")
    for _ in range(CYCLES_AT_MOST):
        machine.cycle_with_point()
        if machine.source_status().sync_mode is None:
            return machine.source_status().total_wire_bytes - before
    raise NotMeasured(f"the comparison was not through after {CYCLES_AT_MOST} cycles")
