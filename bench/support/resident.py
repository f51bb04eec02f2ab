"""How much memory vault and appliances hold with 20 machines under protection, a few of which write."""

from __future__ import annotations

import contextlib
import functools
import time
from dataclasses import dataclass

from bench.figure import Figure, spread_of
from bench.support import policies
from rig import Rig
from rig.machines import SimulatedMachine
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB
from secondsite.wire import rest

MACHINES = 20
WRITERS = 5
DISK_BYTES = 64 * MiB
WATCHED_SECONDS = 45
EVERY_SECONDS = 1.0
POLICY = policies.for_vault(point_every_seconds=10)


@dataclass(frozen=True, slots=True)
class Resident:
    """Samples in MB of each process, after initial replication."""

    vault: tuple[float, ...]
    source: tuple[float, ...]
    target: tuple[float, ...]


@functools.cache
def measured() -> Resident:
    """Measured once for all figures of a run."""
    rig = Rig("simulated")
    try:
        machines: list[SimulatedMachine] = []

        def furnish(site: str) -> None:
            if site == "a":
                home = rig.home("appliance-a")
                names = [f"bench{number:02d}" for number in range(MACHINES)]
                machines.extend(SimulatedMachine.make(name, home, disk_bytes=(DISK_BYTES,)) for name in names)

        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**POLICY.model_dump())
        names = tuple(machine.name for machine in machines)
        request = rest.EnableProtection(machines=names, source_site="a", target_site="b", policy=POLICY.name)
        rig.must(Verb.ENABLE_PROTECTION, request, within_seconds=120)
        return _watch(rig, machines[:WRITERS])
    finally:
        rig.close()


def figure(name: str, samples: tuple[float, ...], whose: str) -> Figure:
    """The most that the process held."""
    spread = spread_of(samples)
    return Figure(
        name=name, value=round(spread["max"], 1), unit="MB", goal=150.0, better="lower", peer="the limit",
        how=f"most resident memory of {whose} in {WATCHED_SECONDS} s of cycles, 5 s apart, points every 10 "
            "s: "
        f"{MACHINES} simulated machines under protection, {WRITERS} of them write 1 MB/s",
        spread=spread, measured={"samples": samples},
    )  # fmt: skip


def _watch(rig: Rig, writing: list[SimulatedMachine]) -> Resident:
    samples: dict[str, list[float]] = {"vault": [], "a": [], "b": []}
    with contextlib.ExitStack() as stack:
        for number, machine in enumerate(writing):
            root = machine.home / "fabric"
            stack.enter_context(simulated.Writer(root, machine.fabric_id, block_bytes=64 * KiB, seed=number))
        ends_at = time.monotonic() + WATCHED_SECONDS
        while time.monotonic() < ends_at:
            for name, process in (
                ("vault", rig.vault),
                ("a", rig.appliances["a"]),
                ("b", rig.appliances["b"]),
            ):
                samples[name].append(round(process.rss_bytes() / 1e6, 1))
            time.sleep(EVERY_SECONDS)
    return Resident(tuple(samples["vault"]), tuple(samples["a"]), tuple(samples["b"]))
