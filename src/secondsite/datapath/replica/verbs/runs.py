"""Makes overlays for machines to run on, and commits them.

A run leases its point's layer: that layer and all below stay unchanged, while pruning and new cycles go on
above and a drill or a failed-over machine reads through to it (P25). Opening one waits for no cycle."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ....ground.durable import sync_file, sync_folder
from ....ground.plural import counted
from ... import errors
from ...digests import scan
from ...disks import image, image_locks
from ...files import store_error, unshare
from ..chain import backing_files, commit_encrypted, own_files
from ..chain import chain as layers
from ..core import ReplicaCore
from ..record import base_files, below_runs
from ..record.paths import checked_name
from ..record.record import DiskRecord, Layer, ReplicaState, Run
from . import holds, overlays, prune, roll_forward

UNREAD_SECONDS = 10.0
"""A verification that began before the commit ends within a chunk."""


def open_run(
    core: ReplicaCore, run_name: str, point_id: str, writable: bool = True, through_seq: int | None = None,
    cancelled: scan.Asked = scan.never,
) -> dict[str, Path]:  # fmt: skip
    """Files, by disk key, for a machine to run on: overlays on the point, or its read-only layers. The
    point's files stay until `close_run`. Repeating gives the same files. Raises PointUnknown, ReplicaInUse.

    With `through_seq` the cycles of the journal up to that one are verified and applied first, so the
    overlays are of its instant. Raises CycleOutOfOrder if they do not lead there, CycleDamaged; then no
    run is open."""
    is_new = core.state.run(run_name) is None
    run = _leased(core, run_name, point_id, writable, through_seq)
    try:
        # the lease protects the layers below, so nothing waits while layers are merged or cycles applied
        found = _files(core, run, cancelled)
        if writable:
            below_runs.note(core.files, run_name, _below(core, run, found))
            base_files.note(core.files, core.state, run_name)
            _note_made(core, run, True)
        return found
    except (errors.DatapathError, OSError) as error:
        _forget(core, run, is_new)
        if isinstance(error, OSError):
            raise store_error(error, core.files.run(run_name)) from error
        raise


def _leased(core: ReplicaCore, run_name: str, point_id: str, writable: bool, through_seq: int | None) -> Run:
    checked_name(run_name, "run name")
    with core.keeping_layers() as state:
        run, wanted = state.run(run_name), (point_id, through_seq)
        if run is None or (_is_unmade(core, run) and (run.point_id, run.through_seq) != wanted):
            others = tuple(other for other in state.runs if other is not run)
            layer = _selectable_layer(state, point_id).number
            _require_own(core, state, point_id, layer)
            run = Run(run_name, point_id, layer, writable, through_seq)
            core.save(runs=(*others, run))
            core.reach("run.leased")
        elif (run.point_id, run.through_seq) != wanted:
            raise errors.ReplicaInUse(
                f"Run {run_name} of {state.machine_id} is on point {_said(run.point_id, run.through_seq)}, "
                f"not on {_said(point_id, through_seq)}.",
                do="Close the run first, or open one with another name.",
            )
        elif run.made or core.files.run_below(run_name).exists():
            _require_all_written(core, run)
        return run


def _require_all_written(core: ReplicaCore, run: Run) -> None:
    """Raises OverlayGone if an overlay that a machine has written to is missing: made anew, the disk would be
    of an older instant than the others."""
    gone = [key for key in _disks_of(core, run) if not core.files.run_overlay(run.name, key).exists()]
    if gone or not core.files.run(run.name).exists():
        raise errors.OverlayGone(
            f"A machine was started from {_said(run.point_id, run.through_seq)} of {core.state.machine_id}, "
            f"and of what it wrote since {', '.join(sorted(gone)) or core.files.run(run.name)} is not here.",
            do=f"Put the files back into {core.files.run(run.name)}; or give up what the machine wrote: "
            "cancel its failover, or clean its drill up, and start it again.",
        )


def _note_made(core: ReplicaCore, run: Run, made: bool) -> Run:
    """Record that all overlays of a run were made; returns the run as it is recorded now."""
    with core.keeping_layers() as state:
        if run.made != made:
            run = dataclasses.replace(run, made=made)
            core.save(runs=tuple(run if each.name == run.name else each for each in state.runs))
        return run


def _below(core: ReplicaCore, run: Run, keys: Iterable[str]) -> dict[str, list[Path]]:
    """The files of the layers that a run stands on, by disk key."""
    files, state = core.files, core.state
    return {
        key: [file.path for file in layers.chain_files(files, state, state.disk(key), run.layer, None)]
        for key in keys
    }


def _require_own(core: ReplicaCore, state: ReplicaState, point_id: str, layer: int) -> None:
    """Raises ImageProblem if a layer that the point needs names a foreign file."""
    wanted = {disk.key for disk in core.manifest_of(point_id).disks}
    for disk in state.disks:
        if disk.key in wanted:
            own_files.require_own(core.files.root, layers.chain_files(core.files, state, disk, layer, None))


def rolling(core: ReplicaCore) -> bool:
    """Whether a run still waits to be rolled forward."""
    return any(_is_unmade(core, run) for run in core.state.runs)


def _is_unmade(core: ReplicaCore, run: Run) -> bool:
    """Whether its overlays are not rolled forward yet, so that no machine can run on it."""
    return run.through_seq is not None and not run.made and not core.files.run(run.name).exists()


def _forget(core: ReplicaCore, run: Run, is_new: bool) -> None:
    """Remove a run whose overlays could not be made, so that no machine ever ran on it; its name is free
    again."""
    with core.keeping_layers() as state:
        shutil.rmtree(core.files.run_part(run.name), ignore_errors=True)
        if is_new:
            _delete(core, core.files.run(run.name))
        if is_new or _is_unmade(core, run):
            core.save(runs=tuple(other for other in state.runs if other != run))


def _said(point_id: str, through_seq: int | None) -> str:
    return point_id if through_seq is None else f"{point_id} with the journal up to cycle {through_seq}"


def firmware(core: ReplicaCore, point_id: str, run_name: str | None = None) -> dict[str, bytes | None]:
    """The firmware state, by file name, at a point or at the instant that an open run was rolled forward to;
    None for a damaged file. Raises PointUnknown, ImageProblem, KeyMissing, KeyWrong."""
    if run_name is not None and core.files.run_firmware(run_name).is_dir():
        return core.firmware_store.laid(core.files.run_firmware(run_name))
    with core.keeping_layers() as state:
        if state.layer_of(point_id) is None:
            raise errors.PointUnknown(
                f"The replica of {state.machine_id} has no recovery point '{point_id}'.",
                do="List the recovery points.",
            )
        found = core.manifest_of(point_id).firmware
        return {file.name: core.firmware_store.read(Path(file.file).name) for file in found}


def close_run(core: ReplicaCore, run_name: str) -> str:
    """Delete a run's overlays (its machine is off) and free its point; returns a sentence. Raises
    ReplicaInUse if it is committed, or if something writes to them."""
    with core.changing(), core.keeping_layers() as state:
        run = state.run(run_name)
        if run is None:
            prune.tidy_if_possible(core)
            return f"run {run_name} was already closed"
        if state.stands_on_its_run:
            raise errors.ReplicaInUse(
                (
                    f"Run {run_name} of {state.machine_id} was committed: its overlays hold the only copy of "
                    "the machine."
                ),
                do="Reprotect the machine, or remove the replica when the machine is no longer needed.",
            )
        require_unused(core, run_name)
        run = _note_made(core, run, False)
        core.reach("run.given-up")
        for folder in (core.files.run(run_name), core.files.run_part(run_name)):
            _delete(core, folder)
        core.reach("run.deleted")
        core.save(runs=tuple(other for other in core.state.runs if other is not run))
        core.reach("run.closed")
        prune.tidy_if_possible(core)
        return f"closed run {run_name}"


def require_unused(core: ReplicaCore, run_name: str) -> None:
    """Raises ReplicaInUse while a program writes to an overlay: if the file were deleted, the program would
    go on, and everything that it writes would be lost."""
    written = [path for path in core.files.run(run_name).glob("*.qcow2") if image_locks.is_written(path)]
    if written:
        raise errors.ReplicaInUse(
            (
                f"A program that is not known here writes to {written[0]}, so run {run_name} of "
                f"{core.state.machine_id} is not closed."
            ),
            do="End it, then retry. It may run at another host that reaches this store ('virsh list' there). "
            "'secondsite-rescue stop MACHINE', in the store, ends what was started by that; else look for it "
            f"here: 'fuser {written[0]}'.",
        )


def _delete(core: ReplicaCore, folder: Path) -> None:
    """Delete the folder, after hiding it as a whole: if only some of a machine's overlays were left after an
    interruption, the others would be made anew, and together they would match no instant of the machine."""
    if folder.exists():
        doomed = folder.with_name(f".removed-{folder.name}-{secrets.token_hex(4)}")
        folder.rename(doomed)
        sync_folder(core.files.runs)
        core.reach("run.hidden")
        shutil.rmtree(doomed, ignore_errors=True)  # else it is garbage


def settle(core: ReplicaCore, run_name: str) -> str:
    """Commit the failover onto this run: remove all other points and the head; returns a sentence. The
    replica then takes no cycles. Raises ReplicaInUse while another run is open."""
    with core.changing(), core.keeping_layers() as state:
        run = _run(state, run_name)
        if state.head is None and state.committed_point_id == run.point_id:
            return f"point {_said(run.point_id, run.through_seq)} was fixed already"
        others = [other.name for other in state.runs if other is not run]
        if others or not run.writable:
            raise errors.ReplicaInUse(
                (
                    f"The replica of {state.machine_id} is also in use by "
                    f"{', '.join(others) or 'a read-only run'}."
                ),
                do="End these first: they read recovery points that a commit removes.",
            )
        core.heads.close()
        core.drop_maps()
        removed = sum(layer.point_id not in (None, run.point_id) for layer in state.layers)
        held = tuple(each for each in state.holds if each[0] != run.point_id)
        core.save(
            layers=_only(state.layers, run),
            merged=tuple(each for each in state.merged if each[1] <= run.layer), head=None,
            committed_point_id=run.point_id, applying_seq=None, holds=(),
            unsealed=False, merging=state.merging if (state.merging or 0) < run.layer else None,
        )  # fmt: skip
        core.reach("settle.recorded")
        core.collect_garbage()
        core.reach("settle.collected")
        fixed = f"fixed on point {_said(run.point_id, run.through_seq)}"
        return f"{fixed}; removed {counted(removed, 'other recovery point')}{holds.sentence(held)}"


def rebase_from_run(core: ReplicaCore, run_name: str, epoch: int) -> str:
    """Make this site a target again: merge the committed run (its machine is off) down, and open a head for
    `epoch` on it; returns a sentence.

    Until the record changes, the run's overlays hide all that is written below them, so it can be
    interrupted and repeated."""
    core.until_unread(UNREAD_SECONDS)
    with core.changing(), core.keeping_layers() as state:
        if state.epoch == epoch and state.head is not None:
            return f"the replica was already open for epoch {epoch}"
        _check_turn(state, _run(state, run_name), epoch)
        if state.merging is not None:
            core.finish_merge()
        run = _run(state, run_name)
        # A disk that the point lacks was no disk of the machine that ran on it.
        on_point = _disks_of(core, _run(state, run_name))
        turned = [_merge_run(core, run, disk) for disk in state.disks if disk.key in on_point]
        spans = sorted({span for _, span in turned})
        core.reach("turn.opened")
        core.save(
            epoch=epoch, disks=tuple(disk for disk, _ in turned), head=state.next_number,
            layers=(*(Layer(low) for low, high in spans if low == high), Layer(state.next_number)),
            merged=tuple(span for span in spans if span[0] != span[1]),
            next_number=state.next_number + 1, processed_seq=0, processed_taken_at=None, applying_seq=None,
            begun_seq=0,
            firmware=(), current=None, whole=False, unsealed=False, committed_point_id=None, runs=(),
            holds=(),
        )  # fmt: skip
        core.reach("turn.recorded")
        core.drop_maps()
        core.collect_garbage()
        return f"merged run {run_name} down and opened a head for epoch {epoch}"


def _disks_of(core: ReplicaCore, run: Run) -> set[str]:
    """The disks of a run's machine; its overlays tell them too, if the point's manifest is damaged by now."""
    try:
        return {disk.key for disk in core.manifest_of(run.point_id).disks}
    except errors.ImageProblem:
        return {path.stem for path in core.files.run(run.name).glob("*.qcow2")}


def _check_turn(state: ReplicaState, run: Run, epoch: int) -> None:
    if state.head is not None or state.committed_point_id != run.point_id:
        raise errors.ReplicaInUse(
            f"Run {run.name} of {state.machine_id} is not committed.",
            do="Commit the failover, then reprotect.",
        )
    if epoch <= state.epoch:
        raise errors.CycleOutOfOrder(
            f"Epoch {epoch} does not follow epoch {state.epoch} of {state.machine_id}.",
            do="Ask the vault for the machine's next epoch.",
        )


def _merge_run(core: ReplicaCore, run: Run, disk: DiskRecord) -> tuple[DiskRecord, tuple[int, int]]:
    """Merge a run's overlay into the lowest file above the base, and put a fresh head on it; the machine may
    have grown the disk. Also returns the numbers of the layers that the file is named after."""
    chain = layers.chain_files(core.files, core.state, disk, run.layer, core.key)
    low, overlay = chain[1].path, core.files.run_overlay(run.name, disk.key)
    unshare(low)
    core.reach("turn.unshared")
    if core.key is None:
        image.commit(overlay, base=low)
    else:
        _commit_encrypted(core, overlay, chain)
    sync_file(low)
    core.reach("turn.merged")
    grown = dataclasses.replace(disk, size_bytes=image.chain(low)[0].size_bytes)
    head = core.files.head(disk.key, core.state.next_number)
    layers.create_layer(core.files, grown, head, low, key=core.key)
    sync_folder(head.parent)
    return grown, backing_files.span(chain[1])


def _commit_encrypted(core: ReplicaCore, overlay: Path, below: Sequence[layers.ChainFile]) -> None:
    chain = [*below, layers.ChainFile("run", overlay, key=core.key)]
    commit_encrypted.into(core.daemon, f"m{secrets.token_hex(5)}-", chain, below[1].name)


def _files(core: ReplicaCore, run: Run, cancelled: scan.Asked) -> dict[str, Path]:
    """The files that a machine runs on, by disk key, made now if they are missing."""
    if run.through_seq is not None:
        found = roll_forward.rolled(core, run, cancelled)
        _shorten(core, run, found, cancelled)
        return found
    sizes = {disk.key: disk.size_bytes for disk in core.manifest_of(run.point_id).disks}
    if not run.writable:
        return {key: core.files.layer(key, run.layer) for key in sizes}
    folder = core.files.run(run.name)
    if not folder.exists():
        folder.mkdir(parents=True)
        sync_folder(folder.parent)
    there = {key: path for key in sizes if (path := core.files.run_overlay(run.name, key)).exists()}
    _shorten(core, run, there, cancelled)
    return {key: there.get(key) or _overlay(core, run, key, sizes[key], cancelled) for key in sizes}


def _shorten(core: ReplicaCore, run: Run, paths: Mapping[str, Path], cancelled: scan.Asked) -> None:
    for key, path in paths.items():
        overlays.shorten(core, run, key, path, cancelled)


def _overlay(core: ReplicaCore, run: Run, key: str, size_bytes: int, cancelled: scan.Asked) -> Path:
    path = core.files.run_overlay(run.name, key)
    part = path.with_name(f".{path.name}.part")
    overlays.make(core, run, key, part, size_bytes, cancelled)
    core.reach("run.overlay")
    part.replace(path)
    sync_folder(path.parent)
    return path


def _only(chain: tuple[Layer, ...], run: Run) -> tuple[Layer, ...]:
    """The layers that the run reads; only its own point stays a point."""
    return tuple(
        layer if layer.number == run.layer else dataclasses.replace(layer, point_id=None)
        for layer in chain
        if layer.number <= run.layer
    )


def _run(state: ReplicaState, run_name: str) -> Run:
    run = state.run(run_name)
    if run is None:
        raise errors.PointUnknown(
            f"The replica of {state.machine_id} has no run '{run_name}'.",
            do=f"Open it first; these are open: {', '.join(run.name for run in state.runs) or 'none'}.",
        )
    return run


def _selectable_layer(state: ReplicaState, point_id: str) -> Layer:
    layer = state.layer_of(point_id)
    if layer is None or state.committed_point_id == point_id:
        raise errors.PointUnknown(
            f"The replica of {state.machine_id} has no recovery point '{point_id}' that can be used.",
            do="List the recovery points and choose one.",
        )
    return layer
