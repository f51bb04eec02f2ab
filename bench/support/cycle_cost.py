"""What cycles take of the processor, process by process: of a machine that wrote nothing, and of one that writes pages.

Both are protected beside each other; cycles of one, of the other and of none come in turn, so that what all these
processes take anyway is known and left out.
"""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import guestkit
from bench.errors import NotMeasured
from bench.support.policies import for_vault
from bench.support.replicated import Processed
from rig import GuestMachine, Rig, processes
from rig.machines import SimulatedMachine
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB
from secondsite.wire import rest

ROUNDS = 3
SPAN_SECONDS = 8.0
SETTLE_SECONDS = 2.0
BOOT_SECONDS = 120
DISK_BYTES = 64 * MiB
ON_SECONDS, OFF_SECONDS = 0.25, 3600.0
LOOK_SECONDS = ON_SECONDS / 5
PAGES_PER_SECOND = 10
NAMES: tuple[Literal["idle", "busy"], ...] = ("idle", "busy")
PARTS = ("source", "target", "daemon", "hypervisor")
"""The two appliances, the target's storage daemon, and what runs the machines: QEMUs, or the simulated host's daemon."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time for a cycle, by part; the median of the rounds. `cycles` were counted in all."""

    by_part: dict[str, float]
    cycles: int

    @property
    def total(self) -> float:
        return sum(self.by_part.values())

    def told(self) -> dict[str, object]:
        """The record of it."""
        return {"ms": {part: round(ms, 2) for part, ms in self.by_part.items()}, "cycles": self.cycles}

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value:.1f}" for name, value in self.by_part.items())
        return f"{self.total:.1f} ms ({parts})"


HOW = (
    "processor time of both appliances with the programs that they ran, of the target's storage daemon and of the guests' QEMUs while a "
    f"machine has a cycle every {ON_SECONDS} s, less what they take without cycles, by the cycles; median of {ROUNDS} spans of "
    f"{SPAN_SECONDS:.0f} s"
)


@functools.cache
def measured(fabric: Literal["libvirt", "simulated"]) -> dict[str, Cost]:
    """What a cycle costs of the machine 'idle', and of 'busy', which writes pages of 4 KiB; measured once, for all figures."""
    rig = Rig(fabric)
    try:
        machine_ids, busy = _protected(rig)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
        counts = dict.fromkeys(NAMES, 0)
        with busy:
            for _ in range(ROUNDS):
                anyway, _ = _span(rig, None, machine_ids)
                for name in NAMES:
                    taken, cycles = _span(rig, name, machine_ids)
                    counts[name] += cycles
                    found[name].append({each: 1000 * (taken[each] - anyway[each]) / cycles for each in PARTS})
    finally:
        rig.close()
    return {
        name: Cost(
            {each: statistics.median(one[each] for one in found[name]) for each in PARTS}, counts[name]
        )
        for name in NAMES
    }


def _protected(rig: Rig) -> tuple[dict[str, str], contextlib.AbstractContextManager[object]]:
    """The vault's ids of both machines, whole at the target, and the busy one's writer, if it needs one."""
    made: list[GuestMachine | SimulatedMachine] = []

    def furnish(site: str) -> None:
        if site == "a":
            made.extend(_machine(rig, name) for name in NAMES)

    rig.open(furnish=furnish)
    with rig.client() as vault:
        for name in NAMES:
            vault.policies.create(**for_vault(3600, OFF_SECONDS, name).model_dump())
    for name in NAMES:
        request = rest.EnableProtection(machines=(name,), source_site="a", target_site="b", policy=name)
        rig.must(Verb.ENABLE_PROTECTION, request)
    with rig.client() as vault:
        ids = {machine.name: machine.id for machine in vault.machines}
    return ids, _writer(made[1])


def _machine(rig: Rig, name: str) -> GuestMachine | SimulatedMachine:
    home = rig.home("appliance-a")
    if rig.fabric == "simulated":
        return SimulatedMachine.make(name, home, disk_bytes=(DISK_BYTES,))
    records = 0 if name == "idle" else PAGES_PER_SECOND
    workload = guestkit.Workload(records_per_second=records, say_every=1000)
    guest = GuestMachine.make(name, home, rig.bridge("a"), disk_bytes=(DISK_BYTES,), workload=workload)
    guest.console.wait_for_boot(1, BOOT_SECONDS)
    return guest


def _writer(machine: GuestMachine | SimulatedMachine) -> contextlib.AbstractContextManager[object]:
    if isinstance(machine, GuestMachine):
        return contextlib.nullcontext()
    root = machine.home / "fabric"
    rate = PAGES_PER_SECOND * 4 * KiB
    return simulated.Writer(root, machine.fabric_id, bytes_per_second=rate, block_bytes=4 * KiB)


def _span(rig: Rig, name: str | None, machine_ids: dict[str, str]) -> tuple[dict[str, float], int]:
    """Seconds of processor by part within a span in which this machine alone has cycles, and how many it had."""
    with rig.client() as vault:
        for each in NAMES:
            vault.policies[each].update(cycle_seconds=ON_SECONDS if each == name else OFF_SECONDS)
    time.sleep(SETTLE_SECONDS)
    before = _processor_seconds(rig)
    counts = _instants(rig, machine_ids)
    after = _processor_seconds(rig)
    if any((count > 1) is not (each == name) for each, count in counts.items()):
        raise NotMeasured(f"cycles did not follow their policies: {counts} when {name} was to have some")
    return {part: after[part] - before[part] for part in PARTS}, counts[name] if name else 0


def _instants(rig: Rig, machine_ids: dict[str, str]) -> dict[str, int]:
    """How many newer instants of each machine come to the target within a span, with a cycle or without."""
    processed = Processed(ApplianceConfig.load(rig.home("appliance-b")))
    seen: dict[str, set[datetime]] = {name: set() for name in machine_ids}
    ends_at = time.monotonic() + SPAN_SECONDS
    while time.monotonic() < ends_at:
        for name, machine_id in machine_ids.items():
            seen[name].add(processed.at(machine_id))
        time.sleep(LOOK_SECONDS)
    return {name: len(instants) - 1 for name, instants in seen.items()}


def _processor_seconds(rig: Rig) -> dict[str, float]:
    found = dict.fromkeys(PARTS, 0.0)
    for part, pid in _processes(rig):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = sum(map(int, fields[11:15] if part in ("source", "target") else fields[11:13]))
        found[part] += ticks / os.sysconf("SC_CLK_TCK")
    return found


def _processes(rig: Rig) -> Iterator[tuple[str, int]]:
    yield "source", rig.appliances["a"].pid
    yield "target", rig.appliances["b"].pid
    for pid in processes.of_folder(rig.folder):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if command.startswith((b"qemu-", b"/usr/bin/qemu-")):
            yield ("daemon" if str(rig.home("appliance-b")).encode() in command else "hypervisor"), pid
