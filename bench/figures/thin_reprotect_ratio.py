"""How much longer a reprotect of a thin disk of 2 TiB onto its old disk takes than that of one of 2 GiB
with the same data."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import thin


def measure() -> Figure:
    with thin.protected() as rig:
        return thin.figure(
            "thin_reprotect_ratio",
            lambda size: thin.reprotected_seconds(rig, size),
            "from the order to reprotect onto the old disks until its first point, nothing changed",
        )
