"""What cycles take of the processor, process by process: of machines that wrote nothing, and of one that
writes pages.

All are protected beside each other; cycles of those that rest, of the other and of none come in turn, so that
what all these processes take anyway is known and left out.
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
from secondsite.appliance.target.store_daemon import daemon_of
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
Kind = Literal["idle", "busy"]
KINDS: tuple[Kind, ...] = ("idle", "busy")
PARTS = ("source", "target", "daemon", "hypervisor")
"""The two appliances, the target's storage daemon, and what runs the machines: QEMUs, or the simulated
host's daemon."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time for a cycle, by part; the median of the rounds. `cycles` were counted
    in all."""

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
    "processor time of both appliances with the programs that they ran, of the target's storage daemon and "
    f"of the guests' QEMUs while machines have a cycle every {ON_SECONDS} s, less what they take without "
    f"cycles, by the cycles; median of {ROUNDS} spans of {SPAN_SECONDS:.0f} s"
)


@functools.cache
def measured(
    fabric: Literal["libvirt", "simulated"], resting: int = 1, view_kind: str = "backup-job"
) -> dict[Kind, Cost]:
    """What a cycle costs of one of so many machines that rest, and of one that writes pages of 4 KiB;
    measured once, for all figures."""
    rig = Rig(fabric, appliance_options={"a": ["--view-kind", view_kind]})
    try:
        machine_ids, busy = _protected(rig, resting)
        found: dict[Kind, list[dict[str, float]]] = {kind: [] for kind in KINDS}
        counts = dict.fromkeys(KINDS, 0)
        with busy:
            for _ in range(ROUNDS):
                anyway, _ = _span(rig, None, machine_ids)
                for kind in KINDS:
                    taken, cycles = _span(rig, kind, machine_ids)
                    counts[kind] += cycles
                    found[kind].append({each: 1000 * (taken[each] - anyway[each]) / cycles for each in PARTS})
    finally:
        rig.close()
    return {
        kind: Cost(
            {each: statistics.median(one[each] for one in found[kind]) for each in PARTS}, counts[kind]
        )
        for kind in KINDS
    }


def _protected(
    rig: Rig, resting: int = 1
) -> tuple[dict[str, str], contextlib.AbstractContextManager[object]]:
    """The vault's ids of all machines, whole at the target, and the busy one's writer, if it needs one."""
    kinds = _kinds(resting)
    made: list[GuestMachine | SimulatedMachine] = []

    def furnish(site: str) -> None:
        if site == "a":
            made.extend(_machine(rig, name, kind) for name, kind in kinds.items())

    rig.open(furnish=furnish)
    with rig.client() as vault:
        for kind in KINDS:
            vault.policies.create(**for_vault(3600, OFF_SECONDS, kind).model_dump())
    for name, kind in kinds.items():
        request = rest.EnableProtection(machines=(name,), source_site="a", target_site="b", policy=kind)
        rig.must(Verb.ENABLE_PROTECTION, request)
    with rig.client() as vault:
        ids = {machine.name: machine.id for machine in vault.machines}
    return ids, _writer(made[-1])


def _kinds(resting: int) -> dict[str, Kind]:
    """By the names of machines; the one that writes is the last."""
    return {**{f"idle-{number}": "idle" for number in range(resting)}, "busy": "busy"}


def _machine(rig: Rig, name: str, kind: Kind) -> GuestMachine | SimulatedMachine:
    home = rig.home("appliance-a")
    if rig.fabric == "simulated":
        return SimulatedMachine.make(name, home, disk_bytes=(DISK_BYTES,))
    records = 0 if kind == "idle" else PAGES_PER_SECOND
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


def _span(rig: Rig, kind: Kind | None, machine_ids: dict[str, str]) -> tuple[dict[str, float], int]:
    """Seconds of processor by part within a span in which machines of this kind alone have cycles, and how
    many they had."""
    with rig.client() as vault:
        for each in KINDS:
            vault.policies[each].update(cycle_seconds=ON_SECONDS if each == kind else OFF_SECONDS)
    time.sleep(SETTLE_SECONDS)
    before = _processor_seconds(rig)
    counts = _instants(rig, machine_ids)
    after = _processor_seconds(rig)
    kinds = _kinds(len(machine_ids) - 1)
    if any((count > 1) is not (kinds[name] == kind) for name, count in counts.items()):
        raise NotMeasured(f"cycles did not follow their policies: {counts} when {kind} was to have some")
    cycles = sum(count for name, count in counts.items() if kinds[name] == kind)
    return {part: after[part] - before[part] for part in PARTS}, cycles


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
            yield "hypervisor", pid
    for pid in processes.of_folder(daemon_of(rig.home("appliance-b") / "store").folder):
        yield "daemon", pid
