"""How many files a machine's disk opens at the deepest of 1,000 points, on a file system that shares parts
of files."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import deep


def measure() -> Figure:
    found = deep.measured()
    value = found.files
    return Figure(
        name="deep_chain_files", value=value, unit="files", goal=20, better="lower",
        peer="libvirt 10.8 to 11.10 starts 25 at most, 22 where files are encrypted or have bitmaps",
        how=(
            f"the longest chain that plain qemu-img finds of {found.points} points, none of which was "
            "dropped, and a machine's overlay"
        ),
        spread={"min": value, "median": value, "max": value},
        measured={"merging_seconds": round(found.merging_seconds, 1)},
    )  # fmt: skip
