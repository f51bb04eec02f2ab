"""Write the pieces of a shipped copy to the head of a replica that has received nothing yet.

The result matches no instant of the machine until a pass has compared all blocks. The digests describe what was
written, so a wrong copy costs bytes but never correctness. A crash may leave digests ahead of the disk; they are
then made anew by reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ... import errors
from ...disks import Writes
from ...frames import Frame
from ..core import ReplicaCore
from ..record.record import ReplicaState
from .unaligned_writes import UnalignedWrites

BEFORE_THE_FIRST: Final = 0
"""In place of a cycle's number; no source uses it."""


def write(core: ReplicaCore, key: str, pieces: Iterable[Frame]) -> None:
    """Write pieces of a shipped copy to the head of a replica that has received nothing; durable when it returns.
    It can be repeated. Raises ReplicaInUse once cycles have arrived, and what `pieces` raises, keeping what
    was written."""
    with core.changing() as state:
        _check_new(state, key)
        if state.applying_seq is not None:
            core.drop_maps()
        digests, disk = core.maps()[key], core.open_heads()[key]
        core.save(applying_seq=BEFORE_THE_FIRST, whole=False)
        core.reach("seed.begun")
        with Writes(disk) as queue:
            ragged = UnalignedWrites(disk, digests, queue)
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
            do="Nothing: replication continues from what is there.",
        )
