"""Memory that is free goes back to the kernel."""

import ctypes
from pathlib import Path

from secondsite.ground.processes import malloc
from secondsite.ground.units import KiB, MiB

COUNT = 1000


def resident_bytes():
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * KiB for line in status if line.startswith("VmRSS:"))


def test_what_is_free_in_the_midst_of_the_heap_is_given_back():
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    taken = [libc.malloc(64 * KiB) for _ in range(COUNT)]
    for each in taken:
        ctypes.memset(each, 1, 64 * KiB)
    for each in taken[:-1]:  # the last one keeps the end of the heap where it is
        libc.free(each)
    before = resident_bytes()
    malloc.give_back()
    assert before - resident_bytes() > 40 * MiB
    libc.free(taken[-1])
