"""Downtime of a planned failover, over what it takes to shut the same guest down and boot it where it is."""

from __future__ import annotations

from datetime import UTC, datetime

from bench.errors import NotMeasured
from bench.figure import Figure, Pairs, spread_of
from bench.support import lone_guests
from rig import GuestMachine, Rig
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest

ROUNDS = 3


def measure() -> Figure:
    return _figure(lone_guests.pairs(_down, lone_guests.power_down_and_boot, ROUNDS))


def _figure(found: Pairs) -> Figure:
    over = [ours - theirs for ours, theirs in zip(found.ours, found.theirs, strict=True)]
    spread = spread_of(over)
    return Figure(
        name="planned_downtime_over_boot_seconds", value=spread["median"], unit="s", goal=3.0, better="lower",
        peer=(
            "plain QEMU (TCG) on a flat copy of the same disk, powered down and booted: "
            f"{_said(found.theirs)} s"
        ),
        how=f"down for {_said(found.ours)} s: from the begin of the task Shut down until the guest has "
        "verified its records at the other site and says READY; two records written a second, the link "
        f"idle; median of {ROUNDS} pairs in turn",
        spread=spread, measured=found.measured(),
    )  # fmt: skip


def _said(seconds: tuple[float, ...]) -> str:
    return " ".join(f"{each:.1f}" for each in seconds)


def _down(rig: Rig, guest: GuestMachine) -> float:
    with rig.client() as vault:
        started = vault.machines.start(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(guest.name,)))
    lone_guests.at_b(rig, guest).wait_for_boot(1, lone_guests.BOOT_SECONDS)
    ready = datetime.now(UTC)
    job = rig.wait_for_job(started.id)
    if job.state != "succeeded":
        raise NotMeasured(rig.describe(job))
    began = next(task.started_at for task in job.tasks if task.name == "Shut down")
    lone_guests.end(rig, guest)
    if began is None:
        raise NotMeasured("nothing was shut down")
    return (ready - began).total_seconds()
