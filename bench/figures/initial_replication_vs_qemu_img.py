"""Initial replication of a disk against `qemu-img convert` with TLS, between NBD servers, to the same
store."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import initial


def measure() -> Figure:
    return initial.figure(
        "initial_replication_vs_qemu_img", initial.BESIDE, "qemu_img", "qemu-img convert -W"
    )
