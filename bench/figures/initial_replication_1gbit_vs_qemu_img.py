"""Initial replication over a wire of 1 Gbit/s, compressed where that pays, against `qemu-img convert` in the clear."""

from __future__ import annotations

from ..figure import Figure
from ..support import initial_link


def measure() -> Figure:
    return initial_link.figure(
        "initial_replication_1gbit_vs_qemu_img", lambda each: each.qemu_img, "qemu-img convert -W, no TLS"
    )
