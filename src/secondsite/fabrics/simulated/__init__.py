"""A site without hypervisors: real disks, real dirty bitmaps, real NBD, but no guest processor.

A qemu-storage-daemon replaces the host: a machine runs while the daemon has its disks open and exports
them writable, so that any process can play the guest (`Guest`, `Writer`). The daemon outlives the process
that uses the fabric. It is part of the product: demonstrations, benchmarks with 1,000 machines, and tests
with faults (`Fault`) run the same code as a real site."""

from __future__ import annotations

from .fabric import SimulatedFabric, open_fabric
from .host.faults import Fault, dial
from .owner.guest import RECORD_BYTES, Guest, records
from .owner.making import (
    add_network,
    connect,
    define_anew,
    demolish,
    give_host_memory,
    give_memory,
    kill,
    make_machine,
    migrate,
    migrate_away,
    reboot,
    resize,
    save,
    set_autostart,
    sync_definitions,
    write_firmware,
)
from .owner.storage import copy_disks, end_snapshot, migrate_back, put_back, read_by_another, take_snapshot
from .owner.writer import Writer

__all__ = [
    "RECORD_BYTES",
    "Fault",
    "Guest",
    "SimulatedFabric",
    "Writer",
    "add_network",
    "connect",
    "copy_disks",
    "define_anew",
    "demolish",
    "dial",
    "end_snapshot",
    "give_host_memory",
    "give_memory",
    "kill",
    "make_machine",
    "migrate",
    "migrate_away",
    "migrate_back",
    "open_fabric",
    "put_back",
    "read_by_another",
    "reboot",
    "records",
    "resize",
    "save",
    "set_autostart",
    "sync_definitions",
    "take_snapshot",
    "write_firmware",
]
