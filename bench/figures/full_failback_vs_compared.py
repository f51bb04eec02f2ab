"""How long a way home takes that sends everything without comparing, against one that compares, when
nearly all has changed (S-226)."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

from bench.figure import Figure, spread_of
from bench.support import disaster
from bench.support.disaster import DISK_BYTES, NAME
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire import rest
from secondsite.wire.rest.verbs import Location

ROUNDS = 3
CHANGED = 0.9


def measure() -> Figure:
    """In turn, each from the same state: it was away, wrote over nearly all of its disk, and is committed
    there."""
    pairs = [(_seconds(Location.ALTERNATE), _seconds(Location.ORIGINAL)) for _ in range(ROUNDS)]
    ratios = [full / compared for full, compared in pairs]
    spread = spread_of(ratios)
    full, compared = (sorted(each[at] for each in pairs)[ROUNDS // 2] for at in (0, 1))
    return Figure(
        name="full_failback_vs_compared", value=spread["median"], unit="x", goal=1.0, better="lower",
        peer=f"the same machine compared with its old disks: {compared:.1f} s; everything sent: {full:.1f} s",
        how=f"from the order to the first whole point at home; {CHANGED:.0%} of {DISK_BYTES // MiB} MiB of "
        f"noise overwritten with noise while it was away; median of {ROUNDS} pairs, in turn",
        spread=spread, measured={"full": [each[0] for each in pairs],
        "compared": [each[1] for each in pairs]},
    )  # fmt: skip


def _seconds(location: Location) -> float:
    with disaster.two_sites() as (rig, _own):
        disaster.protect(rig)
        for request in (
            (Verb.PLANNED_FAILOVER, rest.PlannedFailover(machines=(NAME,))),
            (Verb.COMMIT, rest.Commit(machines=(NAME,))),
        ):
            rig.must(*request)
        _overwrite(*disaster.running(rig, "b"))
        began = time.monotonic()
        rig.must(Verb.REPROTECT, rest.Reprotect(machines=(NAME,), location=location))
        return time.monotonic() - began


def _overwrite(root: Path, fabric_id: str) -> None:
    rng = Random(3)
    with simulated.Guest(root, fabric_id) as guest:
        for at in range(0, int(DISK_BYTES * CHANGED) // MiB * MiB, MiB):
            guest.write("vda", at, rng.randbytes(MiB))
        guest.flush("vda")
