"""Real guests of one rig that are moved one by one, and plain QEMU on a copy of each: what a move costs
over what it does."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import guestkit
from bench.figure import Pairs, in_turn
from bench.support import policies
from rig import GuestMachine, Rig, processes
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

BOOT_SECONDS = 90
POLICY = policies.for_vault(point_every_seconds=10)
SETTLE_RECORDS = 10
WORKLOAD = guestkit.Workload(records_per_second=2)


def pairs(ours: Callable[[Rig, GuestMachine], float], theirs: Callable[[Path], float], rounds: int) -> Pairs:
    """What moving a guest takes, and what plain QEMU on a copy of its disk does, in turn; each guest is
    moved once."""
    rig = Rig("libvirt")
    try:
        guests = protected(rig, [f"bench{number}" for number in range(rounds)])
        copies = iter([copy_of(guest) for guest in guests])
        moved = iter(guests)
        return in_turn(lambda: ours(rig, next(moved)), lambda: theirs(next(copies)), rounds)
    finally:
        rig.close()


def protected(rig: Rig, names: Sequence[str]) -> list[GuestMachine]:
    """Guests at site a, each with a point at site b; opens the rig."""
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


def at_b(rig: Rig, guest: GuestMachine) -> guestkit.Console:
    """What it says once it runs at site b."""
    return guestkit.Console(rig.home("appliance-b") / "fabric-work" / "console" / f"{guest.name}.log")


def end(rig: Rig, guest: GuestMachine) -> None:
    """Takes its processor away at b: the next pair has the machine for itself."""
    machine_id = rig.machine(guest.name).id
    for pid in processes.of_folder(rig.home("appliance-b")):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        if command.startswith(b"/usr/bin/qemu-system") and (
            machine_id.encode() in command or guest.name.encode() in command
        ):
            processes.kill_all([pid])


def copy_of(guest: GuestMachine) -> Path:
    """The disk as it is now, in one file of its own."""
    copy = guest.disks[0].parent.parent / f"{guest.name}-copy.qcow2"
    command = ["qemu-img", "convert", "-U", "-O", "qcow2", str(guest.disks[0]), str(copy)]
    subprocess.run(command, check=True, timeout=60)
    return copy


def bare_boot(copy: Path) -> float:
    """Until plain QEMU's guest says READY."""
    with _booting(copy) as (_, seconds):
        return seconds


def power_down_and_boot(copy: Path) -> float:
    """From the power button until QEMU has ended, and from its start until the guest says READY."""
    with _booting(copy) as (plain, _):
        _let_it_settle(copy.with_suffix(".log"))
        began = time.monotonic()
        _press_power_button(_qmp(copy))
        plain.wait(BOOT_SECONDS)
        down = time.monotonic() - began
    with _booting(copy, number=2) as (_, up):
        return down + up


def _let_it_settle(console: Path) -> None:
    """A guest that has just booted misses the button."""
    said = guestkit.Console(console)
    at_least = said.last_record + SETTLE_RECORDS
    said.wait_for(lambda seen: seen.last_record >= at_least, BOOT_SECONDS)


@contextmanager
def _booting(copy: Path, number: int = 1) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Plain QEMU once boot `number` is ready, and after how many seconds it was."""
    console = copy.with_suffix(".log")
    words = guestkit.qemu_arguments(
        guestkit.build(), [copy], console, name="bare", workload=WORKLOAD, qmp_socket=_qmp(copy)
    )
    began = time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL) as plain:
        try:
            guestkit.Console(console).wait_for_boot(number, BOOT_SECONDS)
            yield plain, time.monotonic() - began
        finally:
            plain.kill()


def _qmp(copy: Path) -> Path:
    return copy.with_suffix(".qmp")


def _press_power_button(qmp: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(15)
        connection.connect(str(qmp))
        lines = connection.makefile("rw")
        for command in ("qmp_capabilities", "system_powerdown"):
            lines.write(json.dumps({"execute": command}) + "\n")
            lines.flush()
            next(each for each in map(json.loads, lines) if "return" in each)
