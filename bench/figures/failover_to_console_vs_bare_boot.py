"""From the word failover to a guest that has verified its records, against the bare boot of the same disk."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import guestkit
from bench.figure import Figure, Pairs, in_turn, spread_of
from bench.support import policies
from rig import GuestMachine, Rig, processes
from secondsite.client import Vault
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest

ROUNDS = 3
BOOT_SECONDS = 90
POLICY = policies.for_vault(point_every_seconds=10)
WORKLOAD = guestkit.Workload(records_per_second=2)


def measure() -> Figure:
    names = [f"bench{number}" for number in range(ROUNDS)]
    rig = Rig("libvirt")
    try:
        guests = _protected(rig, names)
        copies = [_copy_of(guest) for guest in guests]
        ours, theirs = iter(guests), iter(copies)
        found = in_turn(lambda: _fail_over(rig, next(ours)), lambda: _bare_boot(next(theirs)), ROUNDS)
    finally:
        rig.close()
    return _figure(found)


def _figure(found: Pairs) -> Figure:
    spread = spread_of([ours / theirs for ours, theirs in zip(found.ours, found.theirs, strict=True)])
    boots = " ".join(f"{seconds:.1f}" for seconds in found.theirs)
    return Figure(
        name="failover_to_console_vs_bare_boot", value=spread["median"], unit="x", goal=2.0, better="lower",
        peer=f"plain QEMU (TCG) on a flat copy of the same disk: {boots} s",
        how="from the call failover (latest processed point, source dead) through vault, job, appliance and libvirt, "
        f"until the guest has verified its records and says READY; median of {ROUNDS} pairs in turn",
        spread=spread, measured=found.measured(),
    )  # fmt: skip


def _protected(rig: Rig, names: list[str]) -> list[GuestMachine]:
    """Guests at site a, each with a point at site b."""
    guests: list[GuestMachine] = []

    def furnish(site: str) -> None:
        if site == "a":
            home = rig.home("appliance-a")
            guests.extend(GuestMachine.make(name, home, rig.bridge("a"), workload=WORKLOAD) for name in names)
            for guest in guests:
                guest.console.wait_for_boot(1, BOOT_SECONDS)

    rig.open(furnish=furnish)
    with rig.client() as vault:
        vault.policies.create(**POLICY.model_dump())
    request = rest.EnableProtection(
        machines=tuple(names), source_site="a", target_site="b", policy=POLICY.name
    )
    rig.must(Verb.ENABLE_PROTECTION, request)
    for name in names:
        rig.wait_for(name, lambda machine: machine.points.count > 0)
    return guests


def _copy_of(guest: GuestMachine) -> Path:
    """The disk as it is now, in one file of its own."""
    copy = guest.disks[0].parent.parent / f"{guest.name}-copy.qcow2"
    command = ["qemu-img", "convert", "-U", "-O", "qcow2", str(guest.disks[0]), str(copy)]
    subprocess.run(command, check=True, timeout=60)
    return copy


def _fail_over(rig: Rig, guest: GuestMachine) -> float:
    processes.kill_all(processes.of_folder(guest.disks[0].parent))
    said = rig.home("appliance-b") / "fabric-work" / "console" / f"{guest.name}.log"
    request = rest.Failover(machines=(guest.name,), choice=RecoveryPointChoice.LATEST_PROCESSED)
    with rig.client() as vault:
        began = time.monotonic()
        job = vault.machines.start(Verb.FAILOVER, request).id
        guestkit.Console(said).wait_for_boot(1, BOOT_SECONDS)
        seconds = time.monotonic() - began
        _end(rig, vault, job, guest.name)
    return seconds


def _end(rig: Rig, vault: Vault, job: str, name: str) -> None:
    """Let the job end, then take the guest's processor away: the next pair has the machine for itself."""
    rig.wait_for_job(job)
    machine_id = vault.machines[name].show().id
    store = rig.home("appliance-b")
    for pid in processes.of_folder(store):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if command.startswith(b"/usr/bin/qemu-system") and (
            machine_id.encode() in command or name.encode() in command
        ):
            processes.kill_all([pid])


def _bare_boot(copy: Path) -> float:
    console = copy.with_suffix(".log")
    words = guestkit.qemu_arguments(guestkit.build(), [copy], console, name="bare", workload=WORKLOAD)
    began = time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as plain:
        try:
            guestkit.Console(console).wait_for_boot(1, BOOT_SECONDS)
            return time.monotonic() - began
        finally:
            plain.kill()
