"""How far behind the second site is, in 99 of 100 moments, while a guest writes 20 MB/s."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from bench.errors import NotMeasured
from bench.figure import Figure, percentile, spread_of
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB

DISK_BYTES = 1024 * MiB
WRITES_PER_SECOND = 20 * 1000 * 1000
WARM_SECONDS = 5
SAMPLED_SECONDS = 60
EVERY_SECONDS = 0.2


def measure() -> Figure:
    with TwoSites() as sites:
        machine = Machine(sites, "bench", [DISK_BYTES])
        machine.replicate(policy(cycle_seconds=0.5, point_every_seconds=5))
        machine.wait_for_point()
        guest = simulated.Writer(
            sites.a.root, machine.fabric_id, bytes_per_second=WRITES_PER_SECOND, block_bytes=256 * KiB
        )
        with guest:
            time.sleep(WARM_SECONDS)
            before = guest.bytes_written
            samples = _sample(machine)
            written = guest.bytes_written - before
    rpo = [processed for processed, _ in samples]
    at_point = [point for _, point in samples]
    return Figure(
        name="rpo_p99_seconds_one_guest", value=round(percentile(rpo, 0.99), 3), unit="s", goal=5.0,
        better="lower",
        peer=f"the guest wrote {written / SAMPLED_SECONDS / 1e6:.1f} MB/s of the 20 it was asked for",
        how="now minus the instant of the newest cycle that is applied at the target (LATEST starts from "
        f"there), every {EVERY_SECONDS} s for {SAMPLED_SECONDS} s; random blocks of 256 KiB; cycles 0.5 s "
        f"apart, a point every 5 s; against the newest sealed point p99 is {percentile(at_point, 0.99):.2f} "
        "s",
        spread=spread_of(rpo), measured={"processed": _rounded(rpo), "newest_point": _rounded(at_point)},
    )  # fmt: skip


def _sample(machine: Machine) -> list[tuple[float, float]]:
    """(seconds behind by the newest processed cycle, by the newest sealed point)."""
    samples = []
    ends_at = time.monotonic() + SAMPLED_SECONDS
    while time.monotonic() < ends_at:
        status = machine.status()
        samples.append((_age(status.processed_at), _age(status.points[-1].taken_at)))
        time.sleep(EVERY_SECONDS)
    return samples


def _age(instant: datetime | None) -> float:
    if instant is None:
        raise NotMeasured("the target lost what it had processed")
    return (datetime.now(UTC) - instant).total_seconds()


def _rounded(values: list[float]) -> list[float]:
    return [round(value, 2) for value in values]
