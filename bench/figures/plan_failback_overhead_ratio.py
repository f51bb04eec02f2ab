"""How long a recovery plan takes to come home with data synchronization, against the same machines' own
verbs (S-239)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench.figure import Figure, in_turn, spread_of
from bench.support import content, policies
from rig import Rig
from secondsite.domain.lifecycle import Verb
from secondsite.domain.prediction.data_sync import DataSync
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire import rest

NAMES = tuple(f"bench-{number}" for number in range(6))
DISK_BYTES = 64 * MiB
PLAN = "all"
ROUNDS = 3
POLICY = policies.for_vault(point_every_seconds=3600, cycle_seconds=1.0)
WHOLE_WITHIN_SECONDS = 120
BY_PLAN = rest.PlanPlannedFailover(data_sync=DataSync.DURING)


def measure() -> Figure:
    """In turn, each from the same state: committed at the second site, nothing is replicated."""
    found = in_turn(lambda: _seconds(_by_plan), lambda: _seconds(_each_by_itself), ROUNDS)
    spread = spread_of([ours / theirs for ours, theirs in zip(found.ours, found.theirs, strict=True)])
    return Figure(
        name="plan_failback_overhead_ratio", value=spread["median"], unit="x", goal=1.2, better="lower",
        peer=f"a job for each machine, all started at once: {_said(found.theirs)} s",
        how=f"from the request to the end, by one run of a plan of one group: {_said(found.ours)} s; "
        f"{len(NAMES)} machines of {DISK_BYTES // MiB} MiB of noise are shut down, sent whole to new disks "
        f"and started; median of {ROUNDS} pairs, in turn",
        spread=spread, measured=found.measured(),
    )  # fmt: skip


def _furnish(rig: Rig) -> None:
    fabric = simulated.open_fabric(rig.home("appliance-a") / "fabric")
    for name in NAMES:
        rig.make_simulated(name, disk_bytes=(DISK_BYTES,))
        fabric_id = rig.simulated[name].fabric_id
        fabric.power.stop(fabric_id)
        found = fabric.inventory.get(fabric_id)
        assert found is not None
        content.fill(Path(found.definition.disks[0].path), DISK_BYTES, content.noise)
        fabric.power.start(fabric_id)


def _protect(rig: Rig) -> None:
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
    request = rest.EnableProtection(machines=NAMES, source_site="a", target_site="b", policy=POLICY.name)
    rig.must(Verb.ENABLE_PROTECTION, request)
    for name in NAMES:
        rig.wait_for(name, lambda machine: machine.points.count > 0, WHOLE_WITHIN_SECONDS)
    with rig.client() as vault:
        vault.plans.create(PLAN, [rest.PlanGroupChange(machines=NAMES)])


def _seconds(comes: Callable[[Rig], None]) -> float:
    """Of one way home, at sites of its own: disks are new only once."""
    rig = Rig("simulated")
    try:
        rig.open(furnish=lambda site: _furnish(rig) if site == "a" else None)
        _protect(rig)
        rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=NAMES))
        rig.must(Verb.COMMIT, rest.Commit(machines=NAMES))
        began = time.monotonic()
        comes(rig)
        return time.monotonic() - began
    finally:
        rig.close()


def _by_plan(rig: Rig) -> None:
    with rig.client() as vault:
        vault.plans[PLAN].run(Verb.PLANNED_FAILOVER, BY_PLAN).wait(600)


def _each_by_itself(rig: Rig) -> None:
    with rig.client() as vault:
        jobs = [
            vault.machines.start(
                Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(name,), data_sync=DataSync.DURING)
            )
            for name in NAMES
        ]
        for job in jobs:
            job.wait(600)


def _said(seconds: tuple[float, ...]) -> str:
    return " ".join(f"{each:.1f}" for each in seconds)
