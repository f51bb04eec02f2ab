"""A site without hypervisors: real disks, real dirty bitmaps, real NBD, but no guest processor.

A qemu-storage-daemon stands in for the host; a machine that runs is one whose disks it has open and exports
writable, so that any process can play the guest (`Guest`, `Writer`). The daemon outlives the process that uses the
fabric. It ships with the product: demonstrations, benchmarks with 1,000 machines, and tests with faults (`Fault`)
run the same code as a real site.
"""

from __future__ import annotations

from .fabric import SimulatedFabric, open_fabric
from .faults import Fault, dial
from .guest import Guest, records
from .making import add_network, demolish, kill, make_machine, resize, write_firmware
from .writer import Writer

__all__ = [
    "Fault",
    "Guest",
    "SimulatedFabric",
    "Writer",
    "add_network",
    "demolish",
    "dial",
    "kill",
    "make_machine",
    "open_fabric",
    "records",
    "resize",
    "write_firmware",
]
