"""What a host has for its machines."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capacity:
    """Processors, and memory in all and as far as it is free now."""

    vcpus: int
    memory_bytes: int
    free_bytes: int


def of_this_host() -> Capacity:
    page = os.sysconf("SC_PAGE_SIZE")
    whole, free = os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    return Capacity(os.cpu_count() or 1, whole, free)
