"""The same GiB of data in a small disk and in one of 2 TiB: what the large one costs more is what it could
hold."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.errors import NotMeasured
from bench.figure import Figure, in_turn, spread_of
from bench.support import content, policies
from rig import Rig
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import GiB, MiB, TiB
from secondsite.wire import rest

LARGE_BYTES, SMALL_BYTES = 2 * TiB, 2 * GiB
DATA_BYTES = 1 * GiB
PART_BYTES = 16 * MiB
GOAL = 1.3
ROUNDS = 3
WHOLE_WITHIN_SECONDS = 300


def places(size_bytes: int) -> Iterator[int]:
    """Where the data lies: spread evenly over the disk."""
    count = DATA_BYTES // PART_BYTES
    return (number * (size_bytes // count) for number in range(count))


def fill(disk: Path, size_bytes: int) -> None:
    """Make the qcow2 file `disk` anew, of that size, with the data in it."""
    with tempfile.NamedTemporaryFile(dir=disk.parent, suffix=".raw") as raw:
        raw.truncate(size_bytes)
        for number, place in enumerate(places(size_bytes)):
            raw.seek(place)
            raw.write(content.half_compressible(PART_BYTES, number))
        raw.flush()
        command = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", raw.name, str(disk)]
        subprocess.run(command, check=True, timeout=300, capture_output=True)
    subprocess.run(["sync", "-f", str(disk.parent)], check=True, timeout=120)


def figure(name: str, seconds_of: Callable[[int], float], how: str) -> Figure:
    """Of the seconds that `seconds_of` gives for a disk of so many bytes, each size in turn."""
    pairs = in_turn(lambda: seconds_of(SMALL_BYTES), lambda: seconds_of(LARGE_BYTES), ROUNDS)
    spread = spread_of(pairs.ratios)
    small, large = (sorted(each)[ROUNDS // 2] for each in (pairs.ours, pairs.theirs))
    return Figure(
        name=name, value=spread["median"], unit="x", goal=GOAL, better="lower",
        peer=(
            f"the same data in a disk of {SMALL_BYTES // GiB} GiB: {small:.1f} s; in one of "
            f"{LARGE_BYTES // TiB} TiB: {large:.1f} s"
        ),
        how=f"{how}; {DATA_BYTES // GiB} GiB of data, half of it compressible, in parts of "
            f"{PART_BYTES // MiB} MiB spread over the disk; "
        f"median of {ROUNDS} pairs, in turn",
        spread=spread, measured={"small": list(pairs.ours), "large": list(pairs.theirs)},
    )  # fmt: skip


@contextlib.contextmanager
def protected() -> Iterator[Rig]:
    """Two sites and a vault with both machines protected; each is named by its size."""
    with Rig("simulated") as rig:
        rig.open(furnish=lambda site: _furnish(rig) if site == "a" else None)
        policy = policies.for_vault(point_every_seconds=3600, cycle_seconds=1.0)
        with rig.client() as vault:
            vault.policies.create(**policy.model_dump())
        names = tuple(rig.simulated)
        rig.must(
            Verb.ENABLE_PROTECTION,
            rest.EnableProtection(machines=names, source_site="a", target_site="b", policy=policy.name),
        )
        for name in names:
            rig.wait_for(name, lambda machine: machine.points.count > 0, WHOLE_WITHIN_SECONDS)
        yield rig


def name_of(size_bytes: int) -> str:
    return f"thin{size_bytes // GiB}"


def _furnish(rig: Rig) -> None:
    fabric = simulated.open_fabric(rig.home("appliance-a") / "fabric")
    for size_bytes in (SMALL_BYTES, LARGE_BYTES):
        machine = rig.make_simulated(name_of(size_bytes), disk_bytes=(size_bytes,))
        fabric.power.stop(machine.fabric_id)
        found = fabric.inventory.get(machine.fabric_id)
        if found is None:
            raise NotMeasured("site a has no machine")
        fill(Path(found.definition.disks[0].path), size_bytes)
        fabric.power.start(machine.fabric_id)


def reprotected_seconds(rig: Rig, size_bytes: int) -> float:
    """Of a reprotect onto the old disks, after the machine went over and was committed there."""
    name = name_of(size_bytes)
    rig.must(Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(name,)))
    rig.must(Verb.COMMIT, rest.Commit(machines=(name,)))
    began = time.monotonic()
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=(name,)))
    return time.monotonic() - began
