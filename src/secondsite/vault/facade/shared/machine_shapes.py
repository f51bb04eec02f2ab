"""A machine as a REST shape. Pure."""

from datetime import datetime

from ....domain import health as catalogue
from ....domain import lifecycle, rpo_samples
from ....domain.health import Health, HealthFinding
from ....domain.lifecycle import DrillState, State
from ....domain.machines import system_disk
from ....wire import rest
from ....wire.common.machines import DiscoveredMachine, MachineDefinition, PowerState
from ....wire.common.points import RollForward, started_from
from ....wire.control.statuses import ReplicaStatus, SourceStatus
from ...health import findings, machine_rpo
from ...health.findings import Situation
from ...health.identity_cache import IdentityCache
from ...store import BootedRecord, DrillNote, DrillRecord, MachineRecord
from . import allowed_operations

POWERS = frozenset(PowerState)


def protected(situation: Situation, notes: tuple[DrillNote, ...], now: datetime) -> rest.Machine:
    """A machine under protection, with its health and its allowed operations at `now`."""
    measured = age(machine_rpo.measure(situation.status, now))
    return described(situation, findings.findings(situation, now), notes, measured)


def described(
    situation: Situation,
    found: tuple[HealthFinding, ...],
    notes: tuple[DrillNote, ...],
    measured: rest.Rpo,
) -> rest.Machine:
    """The machine, with the given findings and RPO, which depend on the clock. Besides these it depends only
    on the machine, the two sides of its status, and of its appliances on their names, whether they are
    connected, and their hosts: `prerendered_machines` compares these."""
    machine, source, replica = situation.machine, situation.status.source, situation.status.replica
    offers = allowed_operations.of(situation)
    return rest.Machine(
        id=machine.id,
        name=machine.name,
        state=machine.state,
        health=findings.overall(machine, found),
        findings=tuple(finding_shape(each) for each in found),
        allowed_operations=offers.allowed,
        refused_operations=offers.refused,
        job_id=machine.job_id,
        source_site=machine.source_site,
        target_site=machine.target_site,
        source_appliance=situation.source.name if situation.source else None,
        target_appliance=situation.target.name if situation.target else None,
        active_site=findings.active_site(machine),
        direction=rest.Direction.REVERSE if machine.reversed else rest.Direction.FORWARD,
        policy=machine.policy,
        group=machine.group,
        disks=_disks_of(machine),
        encryption=_encryption(machine, replica),
        kept=_kept(situation),
        replication=_replication(source, replica),
        rpo=measured,
        failover=_failover(machine),
        drill=_drill(machine, notes),
        booted=_booted(machine.booted) if machine.booted else None,
        addresses=_addresses(machine),
        power=power(source),
        points=_points(replica) if replica else rest.Points(),
        journal=_journal(replica) if replica else rest.Journal(),
        generation=machine.generation,
        drill_generation=machine.drill_generation,
    )


def unprotected(site: str, machine: DiscoveredMachine, seen_at: datetime | None = None) -> rest.Machine:
    """An unprotected machine that a site has, or had at `seen_at`."""
    disks = tuple(disk.key for disk in machine.definition.disks)
    return rest.Machine(
        id=machine.fabric_id,
        name=machine.name,
        state=State.UNPROTECTED,
        health=Health.NOT_APPLICABLE,
        allowed_operations=lifecycle.allowed_operations(State.UNPROTECTED, DrillState.NONE),
        source_site=site,
        active_site=site,
        power=machine.power,
        disks=_disks(machine.definition, disks),
        seen_at=seen_at,
    )


def age(measured: rpo_samples.Rpo) -> rest.Rpo:
    """The measured RPO as a shape."""
    return rest.Rpo(
        seconds=measured.rpo_seconds,
        sent_seconds=measured.sent_seconds,
        processed_seconds=measured.processed_seconds,
    )


def finding_shape(finding: HealthFinding) -> rest.Finding:
    kind = catalogue.CATALOGUE[finding.code]
    return rest.Finding(
        code=finding.code,
        severity=kind.severity,
        what=finding.what,
        cause=kind.cause,
        do=finding.do,
        since=finding.since,
        said_by=finding.said_by,
    )


def power(source: SourceStatus | None) -> PowerState | None:
    """The power state of the source. A newer appliance may report one that this vault does not know: then
    None."""
    return PowerState(source.power) if source and source.power in POWERS else None


@IdentityCache
def _disks_of(machine: MachineRecord) -> tuple[rest.Disk, ...]:
    return _disks(machine.definition, machine.disks)


def _disks(definition: MachineDefinition, keys: tuple[str, ...]) -> tuple[rest.Disk, ...]:
    boots = system_disk.of((disk.key, disk.boot_order) for disk in definition.disks)
    return tuple(
        rest.Disk(
            key=disk.key,
            size_bytes=disk.size_bytes,
            protected=disk.key in keys,
            system=None if boots is None else disk.key == boots,
        )
        for disk in definition.disks
    )


def _encryption(machine: MachineRecord, replica: ReplicaStatus | None) -> rest.Encryption:
    key_id = replica.encryption_key_id if replica else None
    return rest.Encryption(wanted=machine.encrypted, key_id=key_id)


def _kept(situation: Situation) -> rest.ReplicaPlace:
    machine, target, replica = situation.machine, situation.target, situation.status.replica
    second = machine.source_site if machine.reversed else machine.target_site
    asked = machine.keeping.get(second)
    return rest.ReplicaPlace(
        host=target.hello.host if target and target.hello else None,
        store=replica.store if replica else None,
        wanted=asked.store if asked else None,
    )


def _replication(source: SourceStatus | None, replica: ReplicaStatus | None) -> rest.Replication:
    return rest.Replication(
        synchronization=_synchronization(source) if source else None,
        view=_view(source) if source else None,
        rolling_scan=_rolling_scan(source) if source else None,
        last_cycle=_last_cycle(source) if source else None,
        total_wire_bytes=source.total_wire_bytes if source else 0,
        inbox_bytes=replica.inbox_bytes if replica else 0,
        store_bytes=replica.store_bytes if replica else 0,
    )


@IdentityCache
def _synchronization(source: SourceStatus) -> rest.Synchronization | None:
    if source.sync_mode is None or source.sync_fraction is None:
        return None
    return rest.Synchronization(
        mode=source.sync_mode, fraction=source.sync_fraction, seconds_left=source.sync_seconds_left
    )


@IdentityCache
def _view(source: SourceStatus) -> rest.RunningView | None:
    return rest.RunningView(kind=source.view, reason=source.view_reason) if source.view else None


@IdentityCache
def _rolling_scan(source: SourceStatus) -> rest.RollingScan | None:
    if source.rolling_fraction is None:
        return None
    return rest.RollingScan(fraction=source.rolling_fraction, ended_at=source.rolled_at)


@IdentityCache
def _last_cycle(source: SourceStatus) -> rest.LastCycle | None:
    if source.last_cycle_seconds is None:
        return None
    return rest.LastCycle(
        seconds=source.last_cycle_seconds,
        changed_bytes=source.last_cycle_changed_bytes or 0,
        wire_bytes=source.last_cycle_wire_bytes or 0,
    )


@IdentityCache
def _points(replica: ReplicaStatus) -> rest.Points:
    return rest.Points(count=len(replica.points), newest=machine_rpo.newest_point(replica))


@IdentityCache
def _journal(replica: ReplicaStatus) -> rest.Journal:
    return rest.Journal(stretches=replica.journal, bytes=replica.journal_bytes)


def _failover(machine: MachineRecord) -> rest.CurrentFailover | None:
    if machine.failed_over_point_id is None:
        return None
    begun = _begun(machine.failed_over_point_id, machine.failed_over_forward)
    return rest.CurrentFailover(**dict(begun), at=machine.failed_over_at)


def _drill(machine: MachineRecord, notes: tuple[DrillNote, ...]) -> rest.Drill:
    return rest.Drill(
        state=machine.drill_state,
        open=_open_drill(machine.drill) if machine.drill else None,
        notes=tuple(_note(note) for note in notes),
        failed_at=machine.drill_failed_at,
    )


def _booted(booted: BootedRecord) -> rest.BootedPoint:
    return rest.BootedPoint(
        point_id=booted.point_id,
        verdict=booted.verdict,
        said=booted.said,
        looked_at=booted.looked_at,
        tried_at=booted.tried_at,
        job_id=booted.job_id,
    )


def _addresses(machine: MachineRecord) -> rest.GuestAddresses | None:
    """The guest's addresses as last seen; not those of a site where it no longer runs."""
    seen = machine.seen_addresses
    if seen is None or seen.site != findings.active_site(machine):
        return None
    return rest.GuestAddresses(addresses=seen.addresses, site=seen.site, at=seen.at)


def _open_drill(drill: DrillRecord) -> rest.OpenDrill:
    return rest.OpenDrill(
        **dict(_begun(drill.point_id, drill.forward)),
        machine_name=drill.machine_name,
        network=drill.network,
        started_at=drill.started_at,
        job_id=drill.job_id,
        proven=drill.proven,
    )


def _note(note: DrillNote) -> rest.DrillNote:
    return rest.DrillNote(
        **dict(_begun(note.point_id, note.forward)),
        notes=note.notes,
        started_at=note.started_at,
        completed_at=note.completed_at,
        requested_by=note.requested_by,
        verdict=note.verdict,
    )


def _begun(point_id: str, forward: RollForward | None) -> rest.StartOrigin:
    instant = forward.taken_at if forward else None
    return rest.StartOrigin(
        point_id=point_id, rolled_forward_to=instant, what=started_from(point_id, forward)
    )
