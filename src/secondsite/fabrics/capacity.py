"""What a host has for its machines."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..ground.units import KiB

AVAILABLE = "MemAvailable:"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Processors, and memory in all and as far as it is free now."""

    vcpus: int
    memory_bytes: int
    free_bytes: int


def of_this_host() -> Capacity:
    page = os.sysconf("SC_PAGE_SIZE")
    return Capacity(os.cpu_count() or 1, os.sysconf("SC_PHYS_PAGES") * page, _available())


def _available() -> int:
    """With what the cache holds, which is given to machines that need it."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * KiB for line in lines if line.startswith(AVAILABLE))
