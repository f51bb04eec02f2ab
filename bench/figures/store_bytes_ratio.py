"""What a store occupies after 1,000 recovery points with pruning, against the changed pages that the kept
ones need."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.errors import NotMeasured
from bench.figure import Figure
from bench.support import history
from secondsite.ground.units import MINUTE, KiB, MiB

LOAD = history.Load(points=1000, step_seconds=5 * MINUTE, disk_bytes=128 * MiB, pages=512, run_bytes=2 * MiB)


def measure() -> Figure:
    with tempfile.TemporaryDirectory(
        prefix="secondsite-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")
    ) as folder:
        began = time.monotonic()
        found = history.live(Path(folder), LOAD)
        seconds = time.monotonic() - began
    if found.false:
        raise NotMeasured(f"points that are not what the source held: {', '.join(found.false)}")
    changed = (LOAD.pages * 4 * KiB + LOAD.run_bytes) / MiB
    ratio = round(found.ratio, 3)
    return Figure(
        name="store_bytes_ratio", value=ratio, unit="x", goal=1.2, better="lower",
        peer=f"the distinct 4 KiB pages of the kept points and the head: {found.needed_bytes / MiB:.0f} MiB",
        how=f"what all files of the replica occupy by that; {LOAD.points} points, "
        f"{LOAD.step_seconds // MINUTE} minutes apart by the source's clock, with {changed:.0f} MiB changed "
        f"before each (half scattered pages, half one run) on a disk of {LOAD.disk_bytes // MiB} MiB; the "
        f"default grid over seven days dropped {found.dropped} of them while cycles went on; all "
        f"{found.kept} kept ones were read through their digests and by plain qemu-img, and are what the "
        "source held",
        spread={"min": ratio, "median": ratio, "max": ratio},
        measured={"kept": found.kept, "stored_bytes": found.stored_bytes, "needed_bytes": found.needed_bytes,
                  "seconds": round(seconds)},
    )  # fmt: skip
