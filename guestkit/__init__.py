"""A tiny real Linux guest that proves what replication keeps: Debian's kernel, busybox, and a writer that
counts.

The guest appends numbered, checksummed records to every disk, flushes each, and only then says its number on
the console. At each boot it verifies all earlier records first. So a console log and a disk together tell
exactly which acknowledged write a copy of the machine lost.
"""

from guestkit.building import DEFAULT_CACHE, Guest, Kind, build
from guestkit.console import Boot, Console, Gap, boots_seen
from guestkit.disk import MiB, make_disk
from guestkit.errors import BuildFailed, GuestKitError, NotSaid
from guestkit.machine import (
    MEMORY_MIB,
    Nic,
    Workload,
    address_of,
    domain_xml,
    kernel_arguments,
    qemu_arguments,
)
from guestkit.tiers import Tier

__all__ = [
    "DEFAULT_CACHE",
    "MEMORY_MIB",
    "Boot",
    "BuildFailed",
    "Console",
    "Gap",
    "Guest",
    "GuestKitError",
    "Kind",
    "MiB",
    "Nic",
    "NotSaid",
    "Tier",
    "Workload",
    "address_of",
    "boots_seen",
    "build",
    "domain_xml",
    "kernel_arguments",
    "make_disk",
    "qemu_arguments",
]
