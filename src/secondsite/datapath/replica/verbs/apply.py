"""Apply a cycle to the head, and seal the recovery point that it asks for.

A cycle is marked as begun before its first byte is written: until it is done, the head matches no instant of
the machine and nothing may be sealed. After a crash the same cycle is applied again from its start, which
writes the same bytes to the same places. Head, digests and mark are durable before the cycle counts as
processed.

A cycle that is written as it arrives may end in the middle. What arrived stays, with correct digests; the
head matches no instant of the machine until a pass over whole disks ends, and the next cycle writes all of
it again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ... import errors
from ...cycles import CycleHeader, FirmwareFile
from ...digests import DigestMap, hashes, scan
from ...disks import NbdDisk, Writes
from ...extents import Extent
from ...frames import Frame
from ..core import ReplicaCore
from ..record.record import ReplicaState
from . import resize, seal
from .unaligned_writes import UnalignedWrites


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What one `apply` did. `already`: the cycle had been processed before; `torn`: it ended in the middle;
    `point_id`: the point that was sealed, if any."""

    already: bool
    point_id: str | None = None
    seconds: float = 0.0
    torn: bool = False


def always() -> bool:
    """For a cycle that comes from a file: it is whole, or reading it fails."""
    return True


def apply(
    core: ReplicaCore,
    header: CycleHeader,
    frames: Iterable[Frame],
    cancelled: scan.Asked = scan.never,
    came_whole: Callable[[], bool] = always,
) -> ApplyResult:
    """Write a cycle to the head, and seal the point that its header asks for.

    When it returns, the cycle is durable and its inbox file may be removed. It can be repeated, also after a
    crash in the middle. Raises CycleOutOfOrder, ReplicaClosed, CycleDamaged (from `frames`), Cancelled.

    `came_whole` is asked after the last frame: a cycle that arrived only in part is not processed, and the
    head matches no instant of the machine until a pass ends (see `takes_parts`). The next cycle must carry
    all of it again."""
    began = time.monotonic()
    with core.changing() as state:
        if header.epoch == state.epoch and header.seq <= state.processed_seq:
            return ApplyResult(already=True)
        _check_order(state, header)
        _check_head(core)
        facts = seal.PointFacts.of(header.point) if header.point is not None else None
        if facts is not None:
            seal.check_new(state, facts)
        kept = _firmware(core, header)
        resize.resize(core, header)
        _to_head(core, header, frames, cancelled, came_whole)
        if not came_whole():
            core.save(applying_seq=None, unsealed=True)
            return ApplyResult(False, None, time.monotonic() - began, torn=True)
        done = {
            "processed_seq": header.seq,
            "processed_taken_at": header.taken_at,
            "applying_seq": None,
            "firmware": kept,
            "current": tuple(disk.key for disk in header.disks if disk.key not in header.apart),
            "whole": facts is not None or header.sync is None or header.sync.keys() <= set(header.apart),
        }
        if facts is None:
            core.save(**done, unsealed=True)
        else:
            seal.seal_head(core, facts, header.seq, header.taken_at, done)
        core.reach("apply.processed")
        if kept != state.firmware:
            core.collect_firmware()
    return ApplyResult(False, facts.point_id if facts else None, time.monotonic() - began)


def _firmware(core: ReplicaCore, header: CycleHeader) -> tuple[FirmwareFile, ...]:
    """The machine's firmware state at the cycle, durable but not yet recorded."""
    if header.firmware is None:
        return core.state.firmware
    kept = core.firmware_store.keep(header.firmware)
    core.reach("apply.firmware")
    return kept


def _to_head(
    core: ReplicaCore,
    header: CycleHeader,
    frames: Iterable[Frame],
    cancelled: scan.Asked,
    came_whole: Callable[[], bool],
) -> None:
    """Write the frames to the head and the digest maps, durably."""
    maps, disks, is_first = core.maps(cancelled), core.open_heads(), core.state.applying_seq is None
    core.save(
        applying_seq=header.seq,
        begun_seq=header.seq,
        whole=False,
        processed_after=_applied_on(core.state, header),
    )
    core.reach("apply.begun")
    targets = [(disks[disk.key], maps[disk.key]) for disk in header.disks]
    _write_all(core, targets, frames, cancelled, trusting=is_first)
    core.reach("apply.written")
    for disk, _ in targets:
        disk.flush()
    core.reach("apply.flushed")
    for digests in maps.values():
        digests.mark(header.epoch, header.seq if came_whole() else core.state.processed_seq)
    core.reach("apply.mapped")


def _applied_on(state: ReplicaState, header: CycleHeader) -> int | None:
    """The processed cycle that this cycle is applied on; None if the head matches no instant."""
    if state.applying_seq == header.seq:
        return state.processed_after
    return state.processed_seq if state.whole else None


def retire(core: ReplicaCore, path: Path, epoch: int, seq: int) -> bool:
    """Move the file of an applied cycle to the journal if it led from one instant of the machine to the next;
    else remove it. Returns whether it is kept. After a crash, apply and retire the cycle again."""
    state = core.state
    after, taken_at = state.processed_after, state.processed_taken_at
    newest = (epoch, seq) == (state.epoch, state.processed_seq) and state.applying_seq is None
    if newest and state.whole and after is not None and taken_at is not None and _leads_on(core):
        core.journal.keep(path, epoch, seq, after, datetime.fromisoformat(taken_at))
        return True
    path.unlink(missing_ok=True)
    return False


def takes_parts(core: ReplicaCore, header: CycleHeader) -> bool:
    """Whether a cycle may be applied as it arrives, because it can destroy no instant that could still be
    sealed: true for the slices of a pass and for the cycle that ends one."""
    state = core.state
    return not state.whole or (header.sync is not None and not state.unsealed)


def _leads_on(core: ReplicaCore) -> bool:
    """Whether the newest cycle brought all disks of the newest point to its instant: else no instant of
    the machine can be recovered from the point through it."""
    state = core.state
    lacking = set(state.keys) - set(state.keys if state.current is None else state.current)
    newest = next((layer.point_id for layer in reversed(state.layers) if layer.point_id), None)
    if not lacking or newest is None:
        return True
    try:
        return lacking.isdisjoint(disk.key for disk in core.manifest_of(newest).disks)
    except errors.ImageProblem:
        return False


def abandon(core: ReplicaCore) -> None:
    """Give up a half-applied cycle that will not come again; points can be sealed after the next whole
    pass."""
    with core.changing() as state:
        if state.applying_seq is not None:
            core.drop_maps()
            core.save(applying_seq=None, whole=False, unsealed=True)


def region(core: ReplicaCore, key: str, offset: int, length: int) -> bytes:
    """Digests (xxh3-128, 16 bytes each) of the head's 64 KiB blocks in the range, for comparing with a
    source; raises HeadTorn."""
    with core.changing() as state:
        state.disk(key)
        if state.applying_seq is not None:
            raise seal.torn(state)
        return core.maps()[key].region(offset, length)


def held(core: ReplicaCore, key: str, offset: int, length: int) -> list[Extent]:
    """The head's 64 KiB blocks in the range, which begins at a whole block, that are not zeros, in disk
    order; raises HeadTorn."""
    with core.changing() as state:
        state.disk(key)
        if state.applying_seq is not None:
            raise seal.torn(state)
        return core.maps()[key].held(offset, length)


def pages(core: ReplicaCore, key: str, blocks: Sequence[Extent]) -> bytes:
    """Digests (xxh3-128, 16 bytes each) of the head's 4 KiB pages in these blocks, read now, for comparing
    with a source; raises HeadTorn."""
    with core.changing() as state:
        state.disk(key)
        if state.applying_seq is not None:
            raise seal.torn(state)
        return b"".join(hashes.page_digests(raw) for _, raw in core.open_heads()[key].read_many(blocks))


def _check_order(state: ReplicaState, header: CycleHeader) -> None:
    if state.head is None:
        raise errors.ReplicaClosed(
            f"The replica of {state.machine_id} takes no cycles: its failover was committed.",
            do="Reprotect the machine; the replica is opened again with the next epoch.",
        )
    said = f"cycle {header.seq} of epoch {header.epoch} for {header.machine_id}"
    if (header.machine_id, header.epoch) != (state.machine_id, state.epoch):
        raise errors.CycleOutOfOrder(
            f"The {said} is not for this replica ({state.machine_id}, epoch {state.epoch}).",
            do="Discard it: it was sent before the direction or the replica changed.",
        )
    if state.applying_seq not in (None, header.seq):
        raise errors.CycleOutOfOrder(
            f"The {said} came, but cycle {state.applying_seq} is half applied.",
            do=(
                f"Apply cycle {state.applying_seq} again first; if its file is lost, abandon it and "
                "resynchronize."
            ),
        )
    if header.base_seq not in (None, state.processed_seq):
        raise errors.CycleOutOfOrder(
            f"The {said} builds on cycle {header.base_seq}, but {state.processed_seq} is what was processed.",
            do="Apply the cycles between, or resynchronize the machine if they are lost.",
        )


def _check_head(core: ReplicaCore) -> None:
    """Raises CycleOutOfOrder if the head was replaced by another file: nothing is applied to a head of an
    unknown instant; the source compares first."""
    if core.lost_head:
        raise errors.CycleOutOfOrder(
            f"A file of {core.state.machine_id} that cycles are written to was exchanged for another one.",
            do="Nothing: the source compares all blocks and sends what differs.",
        )


def _write_all(
    core: ReplicaCore,
    targets: Sequence[tuple[NbdDisk, DigestMap]],
    frames: Iterable[Frame],
    cancelled: scan.Asked,
    *,
    trusting: bool,
) -> None:
    with contextlib.ExitStack() as stack:
        writes = [
            UnalignedWrites(disk, digests, stack.enter_context(Writes(disk)), trusting=trusting)
            for disk, digests in targets
        ]
        for frame in frames:
            if cancelled():
                raise errors.Cancelled(
                    "Applying the cycle was stopped.", do="Apply it again: it starts anew."
                )
            _check_place(targets, frame)
            writes[frame.disk].write(frame)
            core.reach("apply.frame")
        for each in writes:
            each.finish()


def _check_place(targets: Sequence[tuple[NbdDisk, DigestMap]], frame: Frame) -> None:
    if frame.disk >= len(targets) or frame.offset + frame.length > targets[frame.disk][0].size_bytes:
        raise errors.CycleDamaged(
            (
                f"A frame writes {frame.length} bytes at {frame.offset} of disk {frame.disk}, beyond what "
                "the cycle has."
            ),
            do="Abandon the cycle and resynchronize the machine.",
        )
