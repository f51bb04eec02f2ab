"""What answers and batches have left free goes back to the kernel."""

import os
from pathlib import Path

from secondsite.ground.units import KiB, MiB
from secondsite.vault.watch.free_memory import FreeMemory


def resident_bytes():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_a_round_gives_back_what_is_free(store):
    answers = [b"x" * (64 * KiB) for _ in range(1000)]
    del answers[:-1]  # the last one keeps the end of the heap where it is
    before = resident_bytes()
    FreeMemory(store).look()
    assert before - resident_bytes() > 40 * MiB
