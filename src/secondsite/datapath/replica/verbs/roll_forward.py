"""Rolls an overlay on a recovery point forward: applies cycles of the journal to it, before a machine runs on
it.

The files have another name meanwhile; only finished overlays get the run's name, by one rename. After an
interruption it begins anew."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ....ground.durable import sync_file, sync_folder
from ... import errors
from ...cycles import CycleHeader
from ...digests import scan
from ...disks import NbdDisk, Writes
from ...frames import Frame
from ..chain import chain as layers
from ..chain.chain import ChainFile
from ..core import ReplicaCore
from ..record.manifest import Manifest
from ..record.record import Run
from . import overlays, read_journal

Asked = Callable[[], bool]


def rolled(core: ReplicaCore, run: Run, cancelled: Asked) -> dict[str, Path]:
    """The overlays of a leased run, by disk key, made now if they are missing. Raises CycleDamaged naming the
    file, CycleOutOfOrder if a cycle is missing, Cancelled."""
    folder, point = core.files.run(run.name), core.manifest_of(run.point_id)
    if not folder.exists():
        part = core.files.run_part(run.name)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        with core.journal.reading():
            _make(core, run, point, part, cancelled)
        core.reach("roll.made")
        part.rename(folder)
        sync_folder(folder.parent)
        core.reach("roll.named")
    return {disk.key: core.files.run_overlay(run.name, disk.key) for disk in point.disks}


def _make(core: ReplicaCore, run: Run, point: Manifest, part: Path, cancelled: Asked) -> None:
    way = core.journal.way(point.epoch, point.seq, run.through_seq or 0)
    cycles = [read_journal.opened(core, entry) for entry in way]
    sizes = _sizes(point, [header for header, _ in cycles])
    paths = {key: part / core.files.run_overlay(run.name, key).name for key in sizes}
    for key, path in paths.items():
        overlays.make(core, run, key, path, sizes[key], cancelled)
        core.reach("roll.overlay")
    with _opened(core, run, paths) as disks:
        for entry, (header, frames) in zip(way, cycles, strict=True):
            with read_journal.trusting(core, entry):
                _apply([disks.get(disk.key) for disk in header.disks], frames, cancelled)
            core.reach("roll.applied")
        for disk in disks.values():
            disk.flush()
    for path in paths.values():
        sync_file(path)
    laid = core.files.run_firmware(run.name).name
    core.firmware_store.lay(part / laid, [header.firmware for header, _ in cycles])
    sync_folder(part)


def _sizes(point: Manifest, headers: Sequence[CycleHeader]) -> dict[str, int]:
    """Sizes of the point's disks after the last cycle. A disk that was added after the point is left out. A
    disk that was excluded and included again matches no instant of the machine until it has been compared
    whole."""
    sizes = {disk.key: disk.size_bytes for disk in point.disks}
    for header in headers:
        apart = header.apart if header is headers[-1] else ()
        grown = {disk.key: disk.size_bytes for disk in header.disks if disk.key not in apart}
        if not sizes.keys() <= grown.keys():
            raise errors.CycleOutOfOrder(
                (
                    f"Cycle {header.seq} of {header.machine_id} does not have all disks of point "
                    f"{point.point_id}."
                ),
                do="Recover another instant, or a recovery point.",
            )
        sizes = {key: grown[key] for key in sizes}
    return sizes


@contextlib.contextmanager
def _opened(core: ReplicaCore, run: Run, paths: Mapping[str, Path]) -> Iterator[dict[str, NbdDisk]]:
    """The overlays, open for writing, by disk key."""
    prefix, disks = f"j{secrets.token_hex(5)}", dict[str, NbdDisk]()
    core.daemon.start()
    try:
        for index, (key, path) in enumerate(paths.items()):
            below = overlays.chain(core, run, key, path.parent, scan.never)
            chain = [*below, ChainFile("r", path, key=core.key)]
            top = layers.open_chain(core.daemon, f"{prefix}-{index}-", chain, writable=True)
            core.daemon.export(top, f"{prefix}-{index}", writable=True)
            disks[key] = NbdDisk(core.daemon.nbd_socket, f"{prefix}-{index}")
        yield disks
    except errors.DiskUnreadable as error:
        raise core.what_broke(error) from error
    finally:
        for disk in disks.values():
            disk.close()
        with contextlib.suppress(errors.DatapathError):
            layers.close_chains(core.daemon, prefix)


def _apply(disks: Sequence[NbdDisk | None], frames: Iterator[Frame], cancelled: Asked) -> None:
    """Apply one cycle; it is written when this returns, so that the next one's writes come after it."""
    with contextlib.ExitStack() as stack:
        writes = [stack.enter_context(Writes(disk)) if disk else None for disk in disks]
        for frame in frames:
            if cancelled():
                raise errors.Cancelled("Rolling forward was stopped.", do="Repeat it: it begins anew.")
            write = writes[frame.disk]
            if write and frame.zero:
                write.zero(frame.length, frame.offset)
            elif write:
                write.write(frame.data, frame.offset)
