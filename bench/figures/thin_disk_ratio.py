"""How much longer the first copy of a thin disk of 2 TiB takes than that of one of 2 GiB with the same
data."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import initial, thin
from bench.support.machine import Machine
from rig.appliances import TwoSites


def measure() -> Figure:
    with TwoSites() as sites:
        machines = {size: _machine(sites, size) for size in (thin.SMALL_BYTES, thin.LARGE_BYTES)}
        return thin.figure(
            "thin_disk_ratio",
            lambda size: initial.ours(machines[size]),
            "from the order to replicate until the first recovery point is sealed",
        )


def _machine(sites: TwoSites, size_bytes: int) -> Machine:
    return Machine(sites, thin.name_of(size_bytes), [size_bytes], lambda disk: thin.fill(disk, size_bytes))
