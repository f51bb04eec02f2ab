"""Makes merged layers, so that every point's chain stays short: the sum of a block of layers is one more
file, and the header of the layer after the block then names it. The layers of the block stay for the points
in between.

An interruption does no harm at any step: a merged layer that no header names is garbage, and a header may
name either of two files with the same content."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ....ground.durable import sync_folder
from ...disks import named_files
from ..chain import backing_files, shared_layers
from ..chain import chain as layers
from ..core import CANNOT_MERGE, ReplicaCore
from ..record.record import DiskRecord

_AGAIN_SECONDS: Final = 3600.0
"""Seconds until it is tried again: a full store may have space again, though a file system never learns to
share."""
_MOST_AT_ONCE: Final = 8
"""The most merged layers of a disk that are made in one go: the chains of a former release become short step
by step, and cycles go on in between."""


def keep_short(core: ReplicaCore) -> bool:
    """Remove the merged layers that nothing needs any more, and make those that the head's chain wants; True
    if there is more to do. Call it inside `changing()` and `keeping_layers()`. If data cannot be shared,
    nothing is made: starts merge layers then."""
    state = core.state
    if state.head is None or state.merging is not None or state.applying_seq is not None:
        return False
    if time.monotonic() < core.shares_after:
        return False
    with contextlib.suppress(*CANNOT_MERGE):
        if state.by_headers and not core.looked_for_useless:
            _remove_useless(core)
            core.looked_for_useless = True
        left = [_merge_some(core, disk) for disk in state.disks]
        return any(left)
    core.shares_after = time.monotonic() + _AGAIN_SECONDS
    return False


def removable(core: ReplicaCore, numbers: Sequence[int]) -> int | None:
    """The lowest of these unused layers that can be removed, because at most one file of each disk stands on
    it."""
    state, found = core.state, [backing_files.users(core.files, core.state, key) for key in core.state.keys]
    for number in numbers:
        names = [core.files.layer(key, number).name for key in state.keys]
        heirs = [users.get(name, []) for users, name in zip(found, names, strict=True)]
        if all(len(each) <= 1 for each in heirs) and (
            state.whole or not any(_has_head(core, each) for each in heirs)
        ):
            return number
    return None


def _has_head(core: ReplicaCore, users: Sequence[tuple[int, Path]]) -> bool:
    return any(number == core.state.head for number, _ in users)


def _merge_some(core: ReplicaCore, disk: DiskRecord) -> bool:
    """Merge some blocks of a disk's layers; True if there is more to merge."""
    return all(_merged(core, disk) for _ in range(_MOST_AT_ONCE))


def _merged(core: ReplicaCore, disk: DiskRecord) -> bool:
    """Merge one block of a disk's layers; False if there is none to merge."""
    state = core.state
    chain = layers.chain_files(core.files, state, disk, state.head or 0, None)
    block = backing_files.window(chain, [layer.number for layer in state.layers])
    if block is None:
        return False
    first, end = block
    after, parts = chain[end], chain[first:end]
    name = backing_files.span(parts[0])[0], backing_files.span(parts[-1])[1]
    path = core.files.merged(disk.key, *name)
    if path.exists() or backing_files.span(after)[1] <= core.reserved:
        return False
    if not shared_layers.sum_up(path, [part.path for part in reversed(parts)], chain[first - 1].path.name):
        core.shares_after = time.monotonic() + _AGAIN_SECONDS
        return False
    core.reach("skip.made")
    core.save(merged=tuple(dict.fromkeys((*state.merged, name))), by_headers=True)
    core.reach("skip.recorded")
    core.heads.close()
    core.moving_heads()
    shared_layers.lay_on(after.path, path)
    core.reach("skip.laid")
    if backing_files.is_merged(parts[-1]):  # nobody may stand on that any more
        core.looked_for_useless = False
    return True


def _remove_useless(core: ReplicaCore) -> None:
    """Remove merged layers that nothing stands on, or only one file, while the layers of their blocks are
    gone."""
    found = {key: backing_files.users(core.files, core.state, key) for key in core.state.keys}
    numbers = [layer.number for layer in core.state.layers]
    for low, high in core.state.merged:
        if high <= core.reserved:
            continue
        paths = {key: core.files.merged(key, low, high) for key in found}
        heirs = {key: found[key].get(path.name, []) for key, path in paths.items()}
        if not any(heirs.values()):
            core.save(merged=tuple(each for each in core.state.merged if each != (low, high)))
            core.reach("skip.forgotten")
            for path in paths.values():
                path.unlink(missing_ok=True)
                sync_folder(path.parent)
        elif not any(low <= number <= high for number in numbers):
            _pass_on(core, paths, heirs)


def _pass_on(core: ReplicaCore, paths: dict[str, Path], heirs: dict[str, list[tuple[int, Path]]]) -> None:
    """Move a removed layer's content into the only file that stands on it."""
    core.heads.close()
    for key, path in paths.items():
        if len(heirs[key]) == 1 and path.exists() and heirs[key][0][0] != core.state.head:
            shared_layers.sum_up(heirs[key][0][1], [heirs[key][0][1], path], named_files.of(path).backing)
            core.reach("skip.passed")
