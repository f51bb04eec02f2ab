"""A frozen view of a machine that runs.

Per disk a backup job without a copy of its own (sync=none) saves what the guest overwrites in a scratch
file; the scratch node over the disk shows the instant. Jobs, the new checkpoint's bitmaps and a frozen
copy of the base's bitmap are made in one transaction for all disks. The record names the scratch files
before anything is made, so that after a crash they can be removed."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ....datapath.disks import QmpRefused, blank, image, luks_blank
from ....datapath.extents import BLOCK_BYTES
from ....domain import errors
from ....wire.common.machines import DiskDefinition
from ...interface import ChangeSession, DiskChanges, SessionRequest
from ..host import disks
from ..host.daemon import Daemon, Session, translated
from ..host.host import DELTA, Host, view_export, view_name
from ..host.records import MachineRecord


@dataclass(frozen=True, slots=True)
class _DiskView:
    """One disk of a view; `base` is the checkpoint whose bitmap it can show, or None."""

    disk: DiskDefinition
    node: str
    name: str
    scratch: Path
    base: str | None


def begin(host: Host, record: MachineRecord, request: SessionRequest) -> ChangeSession:
    """Freeze a view; the caller has the machine's lock and its view lock. Raises FabricError, StoreFull."""
    record = host.end_view(record)
    parts = [_part(record, request, disk) for disk in record.definition.disks if disk.key in request.disks]
    if not request.trial:
        record = record.imaged(request.new_checkpoint, request.disks, request.base)
    record = host.records.save(record.having(view=tuple(str(part.scratch) for part in parts)))
    daemon = host.daemon(record)
    try:
        # Machines share a daemon, which serves one session at a time: do not wait for the instant inside a
        # session.
        about = f"Opening a frozen view of machine '{record.definition.name}'"
        with daemon.session(about) as session:
            _prepare(session, parts, host)
        with request.instant(), daemon.session(about) as session:
            taken_at, pause_seconds, parts = _freeze(session, parts, request)
        with daemon.session(about) as session:
            for part in parts:
                bitmaps = (DELTA,) if part.base is not None else ()
                session.add_export(view_export(record.fabric_id, part.disk.key), part.name, bitmaps=bitmaps)
    except errors.SecondsiteError:
        host.end_view(record)
        raise
    return ChangeSession(
        taken_at=taken_at,
        checkpoint=None if request.trial else request.new_checkpoint,
        disks=tuple(_changes(daemon, record.fabric_id, part) for part in parts),
        pause_seconds=pause_seconds,
        scratch_bytes=functools.partial(_stored_bytes, tuple(part.scratch for part in parts)),
        abandon=functools.partial(host.abandon_view, record),
    )


def _part(record: MachineRecord, request: SessionRequest, disk: DiskDefinition) -> _DiskView:
    usable = request.base is not None and disk.key in record.checkpoints.get(request.base, ())
    usable = usable and record.counted(request.base, disk.key, Path(disk.path))
    name = view_name(record.fabric_id, disk.key)
    return _DiskView(
        disk=disk,
        node=disks.node_name(record.fabric_id, Path(disk.path)),
        name=name,
        scratch=request.scratch_dir.absolute() / f"{name}.scratch",
        base=request.base if usable else None,
    )


def _prepare(session: Session, parts: list[_DiskView], host: Host) -> None:
    for part in parts:
        key = host.key if host.key is not None and _is_encrypted(Path(part.disk.path)) else None
        with translated(f"Making scratch space {part.scratch}"):
            if key is None:
                blank.create(part.scratch, part.disk.size_bytes)
            else:
                luks_blank.create(part.scratch, part.disk.size_bytes, key, host.root)
        session.run(
            "blockdev-add",
            driver="qcow2",
            node_name=part.name,
            backing=part.node,
            file={"driver": "file", "filename": str(part.scratch)},
            **({} if key is None else {"encrypt": session.encryption(key)}),
        )


def _is_encrypted(path: Path) -> bool:
    """Whether the disk is encrypted: its data must not lie plain in the scratch space."""
    with translated(f"Reading {path}"):
        return image.chain(path)[0].encrypted


def _freeze(
    session: Session, parts: list[_DiskView], request: SessionRequest
) -> tuple[datetime, float, list[_DiskView]]:
    """Freeze the view; returns the instant, how long the daemon paused in seconds, and the views of the
    disks."""
    taken_at, before = datetime.now(UTC), time.monotonic()
    try:
        session.run("transaction", actions=_actions(parts, request))
    except QmpRefused as error:
        # The base is recorded, but its bitmap died with its daemon: the caller compares instead.
        if "Dirty bitmap" not in error.message or all(part.base is None for part in parts):
            raise
        parts = [_DiskView(part.disk, part.node, part.name, part.scratch, None) for part in parts]
        session.run("transaction", actions=_actions(parts, request))
    return taken_at, time.monotonic() - before, parts


def _actions(parts: list[_DiskView], request: SessionRequest) -> list[dict[str, Any]]:
    """Actions of the transaction. The new checkpoint comes first: a write between it and the freeze is
    then in both views, never in none."""
    actions = []
    for part in parts:
        add = {"node": part.node, "granularity": BLOCK_BYTES}
        if not request.trial:
            begun = _action("block-dirty-bitmap-add", **add, name=request.new_checkpoint, persistent=True)
            actions.append(begun)
        if part.base is not None:
            merge = {"node": part.node, "target": DELTA, "bitmaps": [part.base]}
            actions.append(_action("block-dirty-bitmap-add", **add, name=DELTA, disabled=True))
            actions.append(_action("block-dirty-bitmap-merge", **merge))
    for part in parts:
        job = {"job-id": part.name, "device": part.node, "target": part.name, "sync": "none"}
        actions.append(_action("blockdev-backup", **job))
    return actions


def _action(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": data}


def _changes(daemon: Daemon, fabric_id: str, part: _DiskView) -> DiskChanges:
    return DiskChanges(
        key=part.disk.key,
        size_bytes=part.disk.size_bytes,
        socket=daemon.nbd_socket,
        export=view_export(fabric_id, part.disk.key),
        bitmaps=(DELTA,) if part.base is not None else (),
    )


def _stored_bytes(paths: tuple[Path, ...]) -> int:
    return sum(path.stat().st_blocks * 512 for path in paths)
