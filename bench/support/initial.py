"""Our initial replication and a peer's copy of the same disk, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from secondsite.datapath.units import GiB, MiB

from ..figure import Better, Figure, Pairs, in_turn, spread_of
from . import content, nbd_peers
from .sites import Machine, Sites, policy

DISK_BYTES = 1 * GiB
PAIRS = 3
OURS = (
    "ours is everything from the order to replicate until the first recovery point is sealed: checkpoints, reading "
    "over NBD in slices, zstd or not, xxh3-128, mutual TLS between two appliance processes, straight to the head, the "
    "apply into the qcow2 chain with digests, flushes and the manifest"
)
HIGHER: Better = "higher"


def pairs(peer: Callable[[Path, str], float]) -> Pairs:
    """`peer` copies the disk (its path) to a fresh target (its URI); gives its seconds."""
    with Sites() as sites:
        machine = Machine(sites, "bench", [DISK_BYTES], lambda disk: content.fill(disk, DISK_BYTES))

        def theirs() -> float:
            with nbd_peers.serve_target(sites.folder / "peer", DISK_BYTES) as target:
                return peer(machine.disk, target)

        return in_turn(lambda: ours(machine), theirs, PAIRS)


def ours(machine: Machine) -> float:
    """Seconds of one initial replication; nothing of it stays."""
    began = time.monotonic()
    machine.protect(policy())
    machine.synchronized()
    seconds = time.monotonic() - began
    machine.forget()
    return seconds


def figure(name: str, found: Pairs, peer: str, how: str) -> Figure:
    """The figure of these pairs: how many times as fast as the peer."""
    spread = spread_of(found.ratios)
    speeds = " ".join(f"{DISK_BYTES / seconds / MiB:.0f}" for seconds in found.theirs)
    return Figure(
        name=name, value=spread["median"], unit="x", goal=1.0, better=HIGHER, peer=f"{peer}: {speeds} MiB/s",
        how=f"{how}; {OURS}; {DISK_BYTES // MiB} MiB, half of it compressible; median of {PAIRS} pairs in turn",
        spread=spread, measured=found.measured(),
    )  # fmt: skip
