"""Initial replication of a disk against `qemu-img convert` over NBD in the clear, to the same store."""

from __future__ import annotations

from pathlib import Path

from ..figure import Figure
from ..support import initial, nbd_peers


def measure() -> Figure:
    found = initial.pairs(_qemu_img)
    return initial.figure(
        "initial_replication_vs_qemu_img", found, "qemu-img convert -W, no TLS",
        "throughput of ours, with TLS, by that of qemu-img from a qemu-nbd over TCP in the clear into a fresh qcow2",
    )  # fmt: skip


def _qemu_img(disk: Path, target: str) -> float:
    with nbd_peers.serve_source(disk) as port:
        return nbd_peers.qemu_img(port, target)
