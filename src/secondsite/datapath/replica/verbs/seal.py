"""Seals the head: its content becomes a recovery point under a new head.

The order makes a crash harmless: first the snapshot, then the manifest, the name of a layer for the old head,
last the record. Until the record names them, the new head's file and the manifest are garbage that the next
opening removes, and the old head is still the head, and gets its old name back."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....ground import host
from ... import errors
from ...cycles import FirmwareFile, header_checks
from ...digests import DigestMap
from ..chain import head_names
from ..core import ReplicaCore
from ..record import manifest
from ..record.manifest import Manifest, ManifestDisk, ManifestFirmware
from ..record.record import Layer, ReplicaState


@dataclass(frozen=True, slots=True)
class PointFacts:
    """What the source says about a point to seal; `extra` has fields that this release does not know."""

    point_id: str
    consistency: str = "crash"
    machine_name: str = ""
    reason: str | None = None
    set_id: str | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> PointFacts:
        """Read a cycle's `point`; raises CycleDamaged if it is invalid."""
        known = {f.name for f in dataclasses.fields(cls)} - {"extra"}
        try:
            header_checks.point(dict(body))
            facts = cls(**{key: value for key, value in body.items() if key in known})
        except (KeyError, TypeError, ValueError) as error:
            raise errors.CycleDamaged(
                f"A cycle asks for a recovery point that is none: {error}.",
                do="Bring both appliances to the same release.",
            ) from error
        return dataclasses.replace(facts, extra={k: v for k, v in body.items() if k not in known})


@dataclass(frozen=True, slots=True)
class SealResult:
    """`point_id` is the new point, None if there was nothing new; `sentence` says which."""

    point_id: str | None
    sentence: str


def seal(
    core: ReplicaCore,
    point: Mapping[str, Any],
    reason: str | None = None,
    taken_at: datetime.datetime | None = None,
) -> SealResult:
    """Make the processed data a recovery point, if there is anything new (LATEST). `point` is as in a
    cycle's header; `taken_at` is the instant until which nothing else was written, by default the newest
    cycle's. Raises HeadTorn while the head matches no instant of the machine."""
    facts = PointFacts.of({**point, **({"reason": reason} if reason else {})})
    with core.changing() as state:
        if state.layer_of(facts.point_id) is not None:
            return SealResult(facts.point_id, f"point {facts.point_id} was already sealed")
        if not state.unsealed and state.applying_seq is None:
            return SealResult(None, "nothing was processed since the newest recovery point")
        if not state.whole or state.processed_taken_at is None:
            raise torn(state)
        core.maps()
        until = taken_at.isoformat() if taken_at else state.processed_taken_at
        seal_head(core, facts, state.processed_seq, until, {})
    return SealResult(facts.point_id, f"sealed point {facts.point_id} at cycle {state.processed_seq}")


def check_new(state: ReplicaState, facts: PointFacts) -> None:
    """Raises CycleOutOfOrder if another cycle's point has this id."""
    if state.layer_of(facts.point_id) is not None:
        raise errors.CycleOutOfOrder(
            f"Point {facts.point_id} of {state.machine_id} exists and belongs to another cycle.",
            do="Give every recovery point an id of its own.",
        )


def seal_head(core: ReplicaCore, facts: PointFacts, seq: int, taken_at: str, done: Mapping[str, Any]) -> None:
    """Make the head a layer with a point, and put a new head on it. The record changes last."""
    state = core.state
    number, head = state.next_number, state.head or 0
    # Asked before the snapshot: after it the record still names the old head, which must not be opened for
    # writing again.
    maps = core.maps()
    core.moving_heads()
    core.heads.snapshot(state, number)
    core.reach("seal.snapshot")
    after = dataclasses.replace(state, **done)
    manifest.save(_manifest(core, maps, facts, seq, taken_at, after), core.files.point(facts.point_id))
    core.reach("seal.manifest")
    head_names.seal(core.files, state)
    core.reach("seal.named")
    layers = (*state.layers[:-1], Layer(head, facts.point_id), Layer(number))
    core.save(**done, layers=layers, head=number, next_number=number + 1, unsealed=False)
    core.reach("seal.recorded")


def _manifest(
    core: ReplicaCore, maps: Mapping[str, DigestMap], facts: PointFacts, seq: int, taken_at: str,
    after: ReplicaState
) -> Manifest:  # fmt: skip
    state = core.state
    disks = tuple(
        ManifestDisk(
            key=disk.key,
            size_bytes=disk.size_bytes,
            file=str(core.files.layer(disk.key, state.head or 0).relative_to(core.files.root)),
            digest=maps[disk.key].digest(),
        )
        for disk in state.disks
        if after.current is None or disk.key in after.current
    )
    files = tuple(_beside(core, file) for file in after.firmware)
    encrypted_files = 1 + len(state.layers) if state.key_id is not None else 0
    return Manifest(
        point_id=facts.point_id, machine_id=state.machine_id,
        machine_name=facts.machine_name or state.machine_id,
        taken_at=taken_at, sealed_at=datetime.datetime.now(datetime.UTC).isoformat(),
        consistency=facts.consistency,
        epoch=state.epoch, seq=seq, disks=disks, reason=facts.reason, set_id=facts.set_id,
        definition=facts.definition, extra=facts.extra, firmware=files,
        how_to_boot=manifest.how_to_boot(disks, files, encrypted_files), uptime=host.uptime(),
    )  # fmt: skip


def _beside(core: ReplicaCore, file: FirmwareFile) -> ManifestFirmware:
    place = (core.files.firmware / file.sha256).relative_to(core.files.root)
    sha256 = file.sha256 if core.state.key_id is None else None
    return ManifestFirmware(name=file.name, size_bytes=file.size_bytes, file=str(place), sha256=sha256)


def torn(state: ReplicaState) -> errors.HeadTorn:
    what = "a pass over whole disks is not finished"
    if state.applying_seq is not None:
        what = f"cycle {state.applying_seq} is half applied"
    return errors.HeadTorn(
        f"The newest data of {state.machine_id} matches no instant of the machine: {what}.",
        do="Let the waiting cycles be applied, or use the newest recovery point (latest processed).",
    )
