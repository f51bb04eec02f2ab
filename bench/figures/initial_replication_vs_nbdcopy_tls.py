"""Initial replication of a disk against nbdcopy with TLS, between NBD servers, to the same store."""

from __future__ import annotations

from bench.figure import Figure
from bench.support import initial


def measure() -> Figure:
    return initial.figure("initial_replication_vs_nbdcopy_tls", initial.BESIDE, "nbdcopy", "nbdcopy --flush")
