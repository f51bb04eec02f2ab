"""Write the pieces of a shipped copy to the head of a replica that has received nothing yet.

They are no instant of the machine: a pass that compares all blocks makes them one. Whatever was written is told by
the digests, so that a copy of something else costs bytes and never truth. A crash in the middle leaves digests that
may be ahead of the disk; they are then made anew by reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from . import errors
from .nbd_disk_writes import Writes
from .replica_core import ReplicaCore
from .replica_ragged import Piece, RaggedWrites
from .replica_state import ReplicaState

BEFORE_THE_FIRST: Final = 0
"""Stands for the number of a cycle: no source uses it."""


def write(core: ReplicaCore, key: str, pieces: Iterable[Piece]) -> None:
    """See `Replica.seed`."""
    with core.changing() as state:
        _check_new(state, key)
        if state.applying_seq is not None:
            core.drop_maps()
        digests, disk = core.maps()[key], core.open_heads()[key]
        core.save(applying_seq=BEFORE_THE_FIRST, whole=False)
        core.reach("seed.begun")
        with Writes(disk) as queue:
            ragged = RaggedWrites(disk, digests, queue)
            for piece in pieces:
                ragged.write(piece)
                core.reach("seed.piece")
            ragged.finish()
        disk.flush()
        core.reach("seed.flushed")
        digests.mark(state.epoch, state.processed_seq)
        core.save(applying_seq=None, unsealed=True)
        core.reach("seed.done")


def _check_new(state: ReplicaState, key: str) -> None:
    state.disk(key)
    if state.head is None or state.begun_seq or any(layer.point_id for layer in state.layers):
        raise errors.ReplicaInUse(
            f"The replica of {state.machine_id} has received cycles already: a seed would overwrite them.",
            do="Nothing: replication goes on from what is there.",
        )
