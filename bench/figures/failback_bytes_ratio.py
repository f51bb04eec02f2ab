"""Bytes that are sent home after a disaster, until the machine runs there again, against the blocks that
either site changed."""

from __future__ import annotations

from bench.figure import Figure, spread_of
from bench.support.disaster import DISK_BYTES, SHARES, Disaster
from secondsite.ground.units import MiB


def measure() -> Figure:
    """With the bitmap of the way home, and with that bitmap lost, so that digests say what differs."""
    kept, lost = Disaster().played(), Disaster(loses_bitmap=True).played()
    spread = spread_of([each.ratio for each in (kept, lost)])
    return Figure(
        name="failback_bytes_ratio", value=spread["max"], unit="x", goal=1.1, better="lower",
        peer=(
            "the 4 KiB blocks that either site changed since the recovery point, as they are: "
            f"{kept.changed} bytes"
        ),
        how=f"bitmap kept {kept.ratio:.3f}, lost {lost.ratio:.3f}, the worse one counts; all wire bytes "
        "from the reprotect to the end of the failback, questions and digests of both directions with "
        f"them; of the pages, spread evenly and overwritten with noise, a changed {SHARES.home:.1%} that "
        f"were never sent, b {SHARES.away:.1%} before the reprotect and {SHARES.late:.1%} after it; "
        f"{DISK_BYTES // MiB} MiB, full of noise; the disk at home equals b's last state bit for bit, and "
        "a's own disk holds a's writes until the commit",
        spread=spread, measured={"kept": kept.as_json(), "lost": lost.as_json()},
    )  # fmt: skip
