"""Plans a cycle: what it carries, and its header with the recovery point that it asks for."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...datapath.cycles import CycleDisk, CycleHeader, FirmwareFile, MissedSince
from ...datapath.transfer import CycleResult, DiskPlan
from ...domain import points
from ...fabrics.interface import ChangeSession
from ...wire.common.machines import MachineDefinition
from ...wire.common.sync_mode import SyncMode
from ...wire.control.orders import CycleFact
from .machine import Source
from .slices import DiskPart


@dataclass(frozen=True, slots=True)
class CycleRequest:
    """A request for one cycle. `point`: seal one, unless a pass is unfinished. `pause`: pause replication
    once no pass is unfinished. `idle_ok`: send nothing if nothing changed while the machine is off.
    `set_id`: the set of common points that the point belongs to; `reason`: why it belongs to none although
    it should."""

    point: bool = False
    app_consistent: bool = False
    pause: bool = False
    idle_ok: bool = False
    set_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CyclePlan:
    """A cycle of a frozen view, or of an instant that needs none. `firmware` is the machine's firmware
    state, None if it could not be read."""

    source: Source
    session: ChangeSession
    parts: Sequence[DiskPart]
    firmware: tuple[FirmwareFile, ...] | None
    request: CycleRequest

    @property
    def open_passes(self) -> dict[str, int]:
        """The passes that this cycle does not end: their positions in bytes, by disk key."""
        return {part.key: part.after.position for part in self.parts if part.after is not None}

    @property
    def apart(self) -> tuple[str, ...]:
        """Keys of recently included disks that are not whole yet: points are sealed without them."""
        return tuple(key for key in self.source.progress.joining if key in self.open_passes)

    @property
    def unfinished(self) -> dict[str, int]:
        """The passes that the target is told of. While one is, it takes what it has for no instant of the
        machine; so it is told of all disks of a view that is of none."""
        if self.session.is_instant:
            return self.open_passes
        return {part.key: self.open_passes.get(part.key, part.size_bytes) for part in self.parts}

    @property
    def has_point(self) -> bool:
        """Whether a recovery point is sealed after this cycle."""
        if not self.session.is_instant:
            return False
        finishes = any(part.mode is not None for part in self.parts) and not self.open_passes
        wanted = self.request.point or self.session.at_rest
        return finishes or (wanted and not self.open_passes.keys() - set(self.apart))

    @property
    def is_compared(self) -> bool:
        """Whether it ends the comparison of a whole disk: no bitmap told what had changed there."""
        return any(part.mode is SyncMode.COMPARE and part.after is None for part in self.parts)

    def header(self, seq: int, definition: MachineDefinition | None) -> CycleHeader:
        """The header; `definition` is the machine's, needed for a point."""
        return CycleHeader(
            machine_id=self.source.machine_id,
            epoch=self.source.setup.epoch,
            seq=seq,
            base_seq=self.source.progress.last_seq,
            taken_at=self.session.taken_at.isoformat(),
            disks=tuple(CycleDisk(part.key, part.size_bytes) for part in self.parts),
            point=self._point(seq, definition) if definition else None,
            sync=self.unfinished or None,
            firmware=self.firmware,
            apart=self.apart,
            missed=missed(self.source),
        )

    def _point(self, seq: int, definition: MachineDefinition) -> dict[str, Any]:
        return {
            "point_id": points.point_id(self.session.taken_at, self.source.setup.epoch, seq),
            "consistency": self.session.consistency,
            "reason": " ".join(filter(None, (self.session.reason, self.request.reason))) or None,
            "definition": self._described(definition),
            "machine_name": self.source.setup.machine_name,
            "set_id": self.request.set_id,
            **({"compared": True} if self.is_compared else {}),
        }

    def _described(self, definition: MachineDefinition) -> dict[str, Any]:
        """The definition with the disks of this cycle's point."""
        wanted = {part.key for part in self.parts} - set(self.apart)
        kept = tuple(disk for disk in definition.disks if disk.key in wanted)
        return definition.model_copy(update={"disks": kept}).model_dump(mode="json")

    def is_nothing(self, plans: Sequence[DiskPlan], definition: MachineDefinition | None) -> bool:
        """Whether a machine that is off has nothing newer than the newest point."""
        progress = self.source.progress
        sealed = progress.point_at is not None and progress.point_at == progress.taken_at
        busy = any(plan.changed or plan.compare for plan in plans) or any(part.mode for part in self.parts)
        resized = {part.key: part.size_bytes for part in self.parts} != progress.sizes_bytes
        news = any(file.packed is not None for file in self.firmware or ())
        if definition is not None and progress.definition is not None:
            news |= digest(self._described(definition)) != progress.definition
        return self.session.at_rest and sealed and not busy and not resized and not news


def digest(definition: dict[str, Any]) -> str:
    """A digest that changes with the definition."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def offered(source: Source, disks: Sequence[str], now: datetime) -> CycleHeader:
    """The header with which the next cycle is offered, as far as it is known before the view is opened."""
    progress = source.progress
    return CycleHeader(
        machine_id=source.machine_id,
        epoch=source.setup.epoch,
        seq=progress.next_seq,
        base_seq=progress.last_seq,
        taken_at=now.isoformat(),
        disks=tuple(CycleDisk(key, progress.sizes_bytes.get(key, 0)) for key in disks),
        missed=missed(source),
    )


def missed(source: Source) -> MissedSince | None:
    """What its tracking missed, for the target."""
    found = source.progress.missed
    if found is None:
        return None
    return MissedSince(found.found_at.isoformat(), found.since.seq if found.since else 0)


def fact(header: CycleHeader, session: ChangeSession, result: CycleResult) -> CycleFact:
    """The cycle for its order's report."""
    return CycleFact(
        epoch=header.epoch,
        seq=header.seq,
        point_id=header.point["point_id"] if header.point else None,
        taken_at=session.taken_at,
        changed_bytes=result.changed_bytes,
        wire_bytes=result.wire_bytes,
        seconds=result.seconds,
    )
