"""One cycle of 20 MB dirty data, from the order until its point is sealed at the other site."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench.figure import Figure, in_turn, seconds_of, spread_of
from bench.support import content
from bench.support.machine import Machine
from bench.support.policies import policy
from rig.appliances import TwoSites
from secondsite.fabrics import simulated
from secondsite.ground.units import KiB, MiB

DISK_BYTES = 1024 * MiB
RUN_BYTES = 256 * KiB
DIRTY_BYTES = 80 * RUN_BYTES
ROUNDS = 7


def measure() -> Figure:
    with TwoSites() as sites:
        machine = Machine(sites, "bench", [DISK_BYTES])
        machine.replicate(policy())
        machine.wait_for_point()
        machine.pause()
        scratch = sites.folder / "peer"
        scratch.mkdir()
        changed = content.half_compressible(DIRTY_BYTES)
        (scratch / "changed").write_bytes(changed)
        found = in_turn(lambda: _ours(sites, machine, changed), lambda: _theirs(scratch), ROUNDS)
    spread = spread_of(found.ours)
    return Figure(
        name="cycle_seconds", value=spread["median"], unit="s", goal=1.0, better="lower",
        peer=f"cp and fsync of the same bytes: {spread_of(found.theirs)['median']:.3f} s",
        how=f"{DIRTY_BYTES // MiB} MiB changed in runs of {RUN_BYTES // KiB} KiB over a disk of "
            f"{DISK_BYTES // MiB} MiB; "
        "from the order: checkpoint, dirty map, read, TLS, durable inbox, apply, flush, sealed point with "
            "manifest; "
        f"two appliance processes; median of {ROUNDS}",
        spread=spread, measured=found.measured(),
    )  # fmt: skip


def _ours(sites: TwoSites, machine: Machine, changed: bytes) -> float:
    with simulated.Guest(sites.a.root, machine.fabric_id) as guest:
        apart = DISK_BYTES // (DIRTY_BYTES // RUN_BYTES)
        for number in range(DIRTY_BYTES // RUN_BYTES):
            piece = changed[number * RUN_BYTES : (number + 1) * RUN_BYTES]
            guest.write("vda", number * apart + int(time.time()) % 8 * RUN_BYTES, piece)
        guest.flush("vda")
    return seconds_of(machine.cycle_with_point)


def _theirs(folder: Path) -> float:
    copy = folder / "copy"
    command = ["dd", f"if={folder / 'changed'}", f"of={copy}", "bs=256k", "conv=fsync", "status=none"]
    seconds = seconds_of(lambda: subprocess.run(command, check=True, timeout=60))
    copy.unlink()
    return seconds
