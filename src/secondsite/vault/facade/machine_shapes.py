"""A machine as the faces show it. Pure."""

from datetime import datetime
from typing import Any

from ...domain import lifecycle
from ...domain.health import Health
from ...domain.lifecycle import DrillState, State
from ...wire.machines import DiscoveredMachine, MachineDefinition
from ...wire.replication import started_from
from ...wire.rest import MachineShape
from .. import ports
from ..watch import health, rpo_series
from ..watch.health import Situation

STOPPING = frozenset({State.DISABLING, State.DISABLE_FAILED})


def protected(situation: Situation, notes: tuple[ports.DrillNote, ...], now: datetime) -> MachineShape:
    """A machine under protection, with its health and what may be done with it at `now`."""
    machine, status = situation.machine, situation.status
    found = health.findings(situation, now)
    measured = rpo_series.measure(status, now)
    figures = {**_source_figures(status), **_replica_figures(status)}
    return MachineShape(
        id=machine.id,
        name=machine.name,
        state=machine.state.value,
        drill=machine.drill_state.value,
        health=health.overall(machine, found).value,
        source_site=machine.source_site,
        target_site=machine.target_site,
        active_site=active_site(machine),
        direction="reverse" if machine.reversed else "forward",
        policy=machine.policy,
        group=machine.group,
        encrypted=machine.encrypted,
        disks=_disks(machine.definition, machine.disks),
        allowed_operations=_verbs(machine.state, machine.drill_state),
        rpo_seconds=measured.rpo_seconds,
        rpo_sent_seconds=measured.sent_seconds,
        rpo_processed_seconds=measured.processed_seconds,
        failed_over_point_id=machine.failed_over_point_id,
        failed_over_to=machine.failed_over_forward.taken_at if machine.failed_over_forward else None,
        failed_over_from=_failed_over_from(machine),
        drill_from=started_from(machine.drill.point_id, machine.drill.forward) if machine.drill else None,
        findings=tuple(health.shape(finding) for finding in found),
        drill_notes=tuple(_note(note) for note in notes),
        job_id=machine.job_id,
        **figures,
    )


def unprotected(site: str, machine: DiscoveredMachine, seen_at: datetime | None = None) -> MachineShape:
    """A machine that nobody protects, and that a site has, or had at `seen_at`."""
    disks = tuple(disk.key for disk in machine.definition.disks)
    return MachineShape(
        id=machine.fabric_id,
        name=machine.name,
        state=State.UNPROTECTED.value,
        drill=DrillState.NONE.value,
        health=Health.NOT_APPLICABLE.value,
        source_site=site,
        target_site=None,
        active_site=site,
        direction=None,
        power=machine.power,
        policy=None,
        disks=_disks(machine.definition, disks),
        allowed_operations=_verbs(State.UNPROTECTED, DrillState.NONE),
        seen_at=seen_at,
    )


def active_site(machine: ports.MachineRecord) -> str:
    """Where the machine runs, or should run."""
    stopped_there = machine.state in STOPPING and machine.failed_over_point_id is not None
    at_target = machine.state in health.RUNS_AT_TARGET or stopped_there
    return machine.target_site if at_target else machine.source_site


def _failed_over_from(machine: ports.MachineRecord) -> str | None:
    point_id = machine.failed_over_point_id
    return started_from(point_id, machine.failed_over_forward) if point_id else None


def _source_figures(status: ports.StatusRecord) -> dict[str, Any]:
    source = status.source
    if source is None:
        return {"power": None}
    return {
        "power": source.power,
        "sync_mode": source.sync_mode.value if source.sync_mode else None,
        "sync_fraction": source.sync_fraction,
        "last_cycle_seconds": source.last_cycle_seconds,
        "last_cycle_changed_bytes": source.last_cycle_changed_bytes,
        "last_cycle_wire_bytes": source.last_cycle_wire_bytes,
        "total_wire_bytes": source.total_wire_bytes,
    }


def _replica_figures(status: ports.StatusRecord) -> dict[str, Any]:
    replica = status.replica
    if replica is None:
        return {}
    return {
        "point_count": len(replica.points),
        "newest_point": max(replica.points, key=lambda point: (point.epoch, point.seq), default=None),
        "inbox_bytes": replica.inbox_bytes,
        "store_bytes": replica.store_bytes,
        "journal": replica.journal,
        "journal_bytes": replica.journal_bytes,
        "encryption_key_id": replica.encryption_key_id,
    }


def _verbs(state: State, drill: DrillState) -> tuple[str, ...]:
    return tuple(verb.value for verb in lifecycle.allowed_operations(state, drill))


def _disks(definition: MachineDefinition, keys: tuple[str, ...]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"key": disk.key, "size_bytes": disk.size_bytes, "protected": disk.key in keys}
        for disk in definition.disks
    )


def _note(note: ports.DrillNote) -> dict[str, Any]:
    return {
        "notes": note.notes,
        "point_id": note.point_id,
        "started_from": started_from(note.point_id, note.forward),
        "started_at": note.started_at.isoformat(),
        "completed_at": note.completed_at.isoformat(),
        "requested_by": note.requested_by,
    }
