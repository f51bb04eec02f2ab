"""How long a guest stands still whose view's scratch space hangs for half a minute."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

import guestkit
from bench.errors import NotMeasured
from bench.figure import Figure
from bench.support import replicated
from bench.support.policies import for_vault
from rig import Rig, small_store
from rig.eventually import eventually
from secondsite.entry.fabrics import VIEW_KINDS
from secondsite.ground.units import KiB, MiB

DISK_BYTES, SCRATCH_BYTES = 64 * MiB, 256 * MiB
SLOW_BYTES_PER_SECOND = 512 * KiB
"""So that a view stays open for long."""
HANGS_SECONDS, AFTER_SECONDS = 30.0, 15.0
WORKLOAD = guestkit.Workload(records_per_second=0, load_span_mib=16, gaps=True)


def measure() -> Figure:
    by_kind = {kind: _longest_gap(kind) for kind in VIEW_KINDS[1:]}
    return Figure(
        name="hung_scratch_gap_seconds", value=round(by_kind["filter"], 2), unit="s", goal=5.5,
        better="lower",
        peer=f"with libvirt's backup job: {by_kind['backup-job']:.2f} s",
        how=f"the longest time in which no write of a real guest under TCG ended, by its own clock: busybox "
        f"dd, O_DIRECT, pages of 4 KiB; what answers for the device of its appliance's scratch folder is "
        f"stopped for {HANGS_SECONDS:.0f} s while a view is open by filters",
        measured=by_kind,
    )  # fmt: skip


def _longest_gap(view_kind: str) -> float:
    """Seconds."""
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    scratch = folder / "stalling"
    with small_store.stalling(scratch, SCRATCH_BYTES) as answering:
        options = ["--view-kind", view_kind, "--scratch", str(scratch / "scratch")]
        rig = Rig("libvirt", folder=folder / "rig", appliance_options={"a": options})
        try:
            guest = replicated.guest(rig, WORKLOAD, DISK_BYTES, for_vault(5, 1.0))
            guest.console.wait_for(lambda console: console.gaps, replicated.BOOT_SECONDS)
            with rig.client() as vault:
                vault.sites["a"].limit(SLOW_BYTES_PER_SECOND)
            eventually(lambda: _written(scratch) > MiB, 120)
            seen = len(guest.console.gaps)
            os.kill(answering, signal.SIGSTOP)
            time.sleep(HANGS_SECONDS)
            os.kill(answering, signal.SIGCONT)
            time.sleep(AFTER_SECONDS)
            said = guest.console.gaps[seen:]
        finally:
            os.kill(answering, signal.SIGCONT)
            rig.close()
    if not said:
        raise NotMeasured("the guest said nothing after its scratch space hung")
    return max(each.longest_ms for each in said) / 1000


def _written(scratch: Path) -> int:
    """Bytes of scratch files that are on the device now."""
    return sum(each.stat().st_blocks * 512 for each in scratch.rglob("*.scratch"))
