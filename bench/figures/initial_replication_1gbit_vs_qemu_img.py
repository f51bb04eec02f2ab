"""Initial replication over a wire of 1 Gbit/s, compressed where that pays, against `qemu-img convert` with
TLS."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import initial


def measure() -> Figure:
    return initial.figure(
        "initial_replication_1gbit_vs_qemu_img", initial.GIGABIT, "qemu_img", "qemu-img convert -W"
    )
