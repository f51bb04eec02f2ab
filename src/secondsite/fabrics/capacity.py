"""What a host has for its machines: processors and memory."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..ground.units import KiB

AVAILABLE = "MemAvailable:"


@dataclass(frozen=True, slots=True)
class Capacity:
    """The host's processors, and its memory in bytes: in all, and free now."""

    vcpus: int
    memory_bytes: int
    free_bytes: int


def of_this_host() -> Capacity:
    page = os.sysconf("SC_PAGE_SIZE")
    return Capacity(os.cpu_count() or 1, os.sysconf("SC_PHYS_PAGES") * page, _available())


def _available() -> int:
    """Free bytes of memory, including the cache, which is given up to machines that need it."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * KiB for line in lines if line.startswith(AVAILABLE))
