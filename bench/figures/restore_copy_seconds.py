"""How long a copy of a machine takes to be made from a point, for each GiB, beside qemu-img of the same
point."""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from pathlib import Path

from bench.figure import Figure, in_turn, seconds_of, spread_of
from bench.support import content
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from secondsite.ground.units import GiB
from secondsite.wire.control.copies import RestoreCopy
from secondsite.wire.control.orders import Kind

DISK_BYTES = 1 * GiB
ROUNDS = 3
WITHIN_SECONDS = 600


def measure() -> Figure:
    with TwoSites() as sites, tempfile.TemporaryDirectory(prefix="ss-copies-", dir="/var/tmp") as folder:
        machine = Machine(sites, "copied", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))
        machine.replicate(policy())
        machine.wait_for_point(WITHIN_SECONDS)
        point_id = machine.status().points[-1].id
        image = machine.target.point_image(machine.machine_id, point_id)
        pairs = in_turn(
            lambda: seconds_of(lambda: _restored(machine, point_id, Path(folder))),
            lambda: seconds_of(lambda: _converted(image, Path(folder))),
            ROUNDS,
        )
    spread, ratios = spread_of(pairs.ours), spread_of(pairs.ratios)
    return Figure(
        name="restore_copy_seconds", value=spread["median"], unit="s", goal=60.0, better="lower",
        peer=f"qemu-img convert of the same point: {spread_of(pairs.theirs)['median']:.1f} s; ours is "
        f"{ratios['median']:.2f} times as fast ({ratios['min']:.2f} to {ratios['max']:.2f})",
        how="from the order until the machine is there: read, compared with what was sealed, written and "
        f"flushed; a disk of {DISK_BYTES // GiB} GiB, half of it compressible; median of {ROUNDS} pairs, in "
        "turn",
        spread=spread, measured=pairs.measured(),
    )  # fmt: skip


def _restored(machine: Machine, point_id: str, folder: Path) -> None:
    fabric_id = str(uuid.uuid4())
    wanted = RestoreCopy(
        point_id=point_id, fabric_id=fabric_id, name=f"copy-{fabric_id[:8]}", folder=str(folder)
    )
    machine.target.do(Kind.RESTORE_COPY, wanted, machine.machine_id, deadline_seconds=WITHIN_SECONDS)
    _clear(folder)


def _converted(image: Path, folder: Path) -> None:
    goal = folder / "converted.qcow2"
    command = ["qemu-img", "convert", "-U", "-f", "qcow2", "-O", "qcow2", str(image), str(goal)]
    subprocess.run(command, check=True, timeout=WITHIN_SECONDS, capture_output=True)
    subprocess.run(["sync", "-f", str(goal)], check=True, timeout=WITHIN_SECONDS)
    _clear(folder)


def _clear(folder: Path) -> None:
    for each in folder.iterdir():
        each.unlink()
