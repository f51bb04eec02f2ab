"""How far behind the second site is with 50 machines under protection, 10 of which write 1 MiB/s."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from bench.errors import NotMeasured
from bench.figure import Figure, percentile, spread_of
from bench.support import content, policies
from bench.support.guests import Guests
from bench.support.replicated import Processed
from rig import Rig, processes
from rig.machines import SimulatedMachine
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire import rest

MACHINES = 50
WRITERS = 10
DISK_BYTES = 128 * MiB
SETTLE_SECONDS = 20
SAMPLED_SECONDS = 90
EVERY_SECONDS = 1.0
POLICY = policies.for_vault(point_every_seconds=60)


def measure() -> Figure:
    rig = Rig("simulated")
    try:
        machines = _protected(rig)
        writing = [machine.fabric_id for machine in machines[:WRITERS]]
        with Guests(rig.home("appliance-a") / "fabric", writing) as guests:
            time.sleep(SETTLE_SECONDS)
            began = _cpu_seconds(rig)
            samples = _sample(rig)
            cores = (_cpu_seconds(rig) - began) / SAMPLED_SECONDS
            if not guests.writing:
                raise NotMeasured("the guests stopped writing")
    finally:
        rig.close()
    return _figure(samples, cores)


def _figure(samples: dict[str, list[float]], cores: float) -> Figure:
    idle, busy = samples["idle"], samples["busy"]
    return Figure(
        name="rpo_p99_seconds_50_machines", value=round(percentile(idle + busy, 0.99), 2), unit="s",
        goal=15.0,
        better="lower",
        peer=f"p99 of the {WRITERS} that write {percentile(busy, 0.99):.2f} s, of the others "
        f"{percentile(idle, 0.99):.2f} s; vault, appliances and storage daemons took {cores:.2f} cores",
        how="now minus the instant that LATEST would start from, of all machines, every second for "
        f"{SAMPLED_SECONDS} s; {MACHINES} simulated machines under the default pause of 5 s between cycles "
        f"and a point a minute, {WRITERS} of them write 1 MiB/s each, three quarters of it scattered pages "
        "of 4 KiB; vault and two appliances as processes",
        spread=spread_of(idle + busy),
        measured={"busy": spread_of(busy), "idle": spread_of(idle), "cores": round(cores, 2)},
    )  # fmt: skip


def _protected(rig: Rig) -> list[SimulatedMachine]:
    """All machines, each with its first point; the disks of those that will write are full."""
    machines: list[SimulatedMachine] = []

    def furnish(site: str) -> None:
        if site == "a":
            machines.extend(_machines(rig.home("appliance-a")))

    rig.open(furnish=furnish)
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
    names = tuple(machine.name for machine in machines)
    request = rest.EnableProtection(machines=names, source_site="a", target_site="b", policy=POLICY.name)
    rig.must(Verb.ENABLE_PROTECTION, request, within_seconds=400)
    return machines


def _machines(home: Path) -> list[SimulatedMachine]:
    root, full = home / "fabric", home / "full.qcow2"
    content.fill(full, DISK_BYTES)
    made = []
    with contextlib.closing(simulated.open_fabric(root)) as fabric:
        for number in range(MACHINES):
            name = f"vm{number:02d}"
            fabric_id = simulated.make_machine(root, name, [DISK_BYTES])
            found = fabric.inventory.get(fabric_id)
            assert found is not None
            if number < WRITERS:
                shutil.copyfile(full, found.definition.disks[0].path)
            fabric.power.start(fabric_id)
            made.append(SimulatedMachine(name, fabric_id, home))
    return made


def _sample(rig: Rig) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {"busy": [], "idle": []}
    busy = {f"vm{number:02d}" for number in range(WRITERS)}
    with rig.client() as vault:
        replicas = {machine.id: machine.name in busy for machine in vault.machines}
    processed = Processed(ApplianceConfig.load(rig.home("appliance-b")))
    ends_at = time.monotonic() + SAMPLED_SECONDS
    while time.monotonic() < ends_at:
        for machine_id, writes in replicas.items():
            samples["busy" if writes else "idle"].append(processed.age_seconds(machine_id))
        time.sleep(EVERY_SECONDS)
    return samples


def _cpu_seconds(rig: Rig) -> float:
    """Processor time of all that is ours: the guests' process does not name the rig's folder as its home."""
    total = 0
    for pid in processes.of_folder(rig.folder):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if b"bench.support.guests" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")
