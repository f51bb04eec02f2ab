"""A machine's disks became larger or smaller: its replica follows."""

from __future__ import annotations

import dataclasses

from ...cycles import CycleHeader
from ...disks import qcow2_resize
from ...extents import BLOCK_BYTES
from ..core import ReplicaCore


def resize(core: ReplicaCore, header: CycleHeader) -> None:
    """Bring disks to the sizes in the cycle (P16). Points keep theirs: a smaller head lies over larger
    layers."""
    wanted = {disk.key: disk.size_bytes for disk in header.disks}
    heads = core.open_heads()
    has = {disk.key: (disk.size_bytes, heads[disk.key].size_bytes) for disk in core.state.disks}
    resized = [key for key, size_bytes in wanted.items() if set(has[key]) != {size_bytes}]
    if not resized:
        return
    shrunk = [key for key in resized if max(has[key]) > wanted[key]]
    if shrunk:  # what is cut off would be missing in a point that is sealed before the cycle is applied
        core.save(applying_seq=header.seq, begun_seq=header.seq, whole=False, processed_after=None)
        core.reach("shrink.begun")
    core.heads.close()
    if dropped := [key for key in resized if key in shrunk or has[key][0] % BLOCK_BYTES]:
        core.drop_maps(*dropped)
    for key in resized:
        qcow2_resize.resize(core.file_of(key, core.state.head or 0), wanted[key], core.key, core.reach)
        if key not in dropped:
            core.grow_map(key, wanted[key])
    core.reach("grow.resized")
    core.save(
        disks=tuple(
            dataclasses.replace(disk, size_bytes=wanted.get(disk.key, disk.size_bytes))
            for disk in core.state.disks
        )
    )
