"""Initial replication of a disk against nbdcopy with TLS, between NBD servers, to the same store."""

from __future__ import annotations

import functools
from pathlib import Path

from ..figure import Figure
from ..support import initial, nbd_peers


def measure() -> Figure:
    found = initial.pairs(_nbdcopy)
    return initial.figure(
        "initial_replication_vs_nbdcopy_tls", found, "nbdcopy --flush, mutual TLS",
        "throughput of ours by that of nbdcopy from a qemu-nbd with TLS into a fresh qcow2 behind another qemu-nbd",
    )  # fmt: skip


def _nbdcopy(disk: Path, target: str) -> float:
    certificates = _certificates(Path(target.partition("socket=")[2]).parent)
    with nbd_peers.serve_source(disk, certificates) as port:
        return nbd_peers.nbdcopy(port, target, certificates)


@functools.cache
def _certificates(folder: Path) -> Path:
    return nbd_peers.make_certificates(folder / "tls")
