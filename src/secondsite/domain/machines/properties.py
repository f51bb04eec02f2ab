"""Checks of the name, vCPUs, memory, CPU model and start delay that a machine may have at its second site."""

import re

from ...ground.units import MiB, TiB

MOST_VCPUS = 512
LEAST_MEMORY_BYTES = 16 * MiB
MOST_MEMORY_BYTES = 64 * TiB
MOST_DELAY_SECONDS = 3600
CPU_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,62}")


def name(text: str) -> str:
    """A name that every hypervisor takes and that can be the name of a file or a socket. Raises
    ValueError."""
    if not NAME.fullmatch(text):
        raise ValueError(
            "a name has at most 63 letters, digits and '.', '_', '+', '-', and begins with a letter or a "
            "digit"
        )
    return text


def placement_word(text: str) -> str:
    """A word that machines share which are kept apart, or together. Raises ValueError."""
    if not NAME.fullmatch(text):
        raise ValueError(
            "a word to keep machines apart or together by has at most 63 letters, digits and '.', '_', '+', "
            "'-', and begins with a letter or a digit"
        )
    return text


def vcpus(count: int) -> int:
    """A possible number of vCPUs. Raises ValueError."""
    if not 1 <= count <= MOST_VCPUS:
        raise ValueError(f"a machine has from 1 to {MOST_VCPUS} vCPUs")
    return count


def memory(size_bytes: int) -> int:
    """A possible amount of memory in bytes, in whole MiB, since some hypervisors count in MiB. Raises
    ValueError."""
    if not LEAST_MEMORY_BYTES <= size_bytes <= MOST_MEMORY_BYTES:
        raise ValueError("a machine has from 16 MiB to 64 TiB of memory")
    if size_bytes % MiB:
        raise ValueError("memory is counted in whole MiB")
    return size_bytes


def cpu_model(text: str) -> str:
    """A name of a CPU model by its form; only the hypervisor knows which models exist. Raises ValueError."""
    if not CPU_MODEL.fullmatch(text):
        raise ValueError("a CPU model has a name such as host-model or Nehalem")
    return text


def start_delay(seconds: int) -> int:
    """A possible delay in seconds. Raises ValueError."""
    if not 0 <= seconds <= MOST_DELAY_SECONDS:
        raise ValueError(f"a machine starts from 0 to {MOST_DELAY_SECONDS} seconds later")
    return seconds
