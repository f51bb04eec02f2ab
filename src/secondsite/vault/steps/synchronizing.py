"""Waiting for a pass over whole disks to end: the appliances do it by themselves, a job only watches."""

from collections.abc import Collection

from ...jobs.outcomes import Done, Outcome, Wait
from .. import ports
from .deps import Deps

LOOK_AGAIN_SECONDS = 5.0


def newest_seq(deps: Deps, machine: ports.MachineRecord) -> int:
    """The sequence number of the replica's newest point, -1 before the first."""
    with deps.store.transaction() as tx:
        replica = tx.statuses.get(machine.id).replica
    return (
        max((point.seq for point in replica.points if point.epoch == machine.epoch), default=-1)
        if replica
        else -1
    )


def sent_bytes(deps: Deps, machine: ports.MachineRecord) -> int:
    """What the source has sent in this epoch so far."""
    with deps.store.transaction() as tx:
        source = tx.statuses.get(machine.id).source
    return source.total_wire_bytes if source and source.epoch == machine.epoch else 0


def wait(
    deps: Deps,
    machine: ports.MachineRecord,
    epoch: int,
    after_seq: int,
    *,
    deadline_seconds: float,
    sent_before: int = 0,
    with_disks: Collection[str] = (),
) -> Outcome:
    """Done when the replica of `epoch` has a point that is newer than `after_seq`: it was sealed after the pass.

    `sent_before`: bytes that the epoch had sent before this pass; `with_disks`: the point must have these.
    """
    with deps.store.transaction() as tx:
        status = tx.statuses.get(machine.id)
    points = status.replica.points if status.replica and status.replica.epoch == epoch else ()
    sent_seq = _sent_seq(status, epoch)
    fresh = [point for point in points if point.epoch == epoch and after_seq < point.seq <= sent_seq]
    fresh = [point for point in fresh if set(with_disks) <= set(point.disks)]
    if not fresh:
        return _waiting(machine, status, epoch, deadline_seconds)
    sent = max(0, status.source.total_wire_bytes - sent_before) if status.source else 0
    return Done(
        f"{machine.name} is synchronized: point {fresh[-1].id}, {sent / 1e6:.1f} MB sent",
        {"point_id": fresh[-1].id, "taken_at": fresh[-1].taken_at.isoformat(), "wire_bytes": sent},
    )


def _sent_seq(status: ports.StatusRecord, epoch: int) -> int:
    """What the source knows to be acknowledged: its figures belong to the point only from then on."""
    source = status.source
    return source.last_seq if source and source.epoch == epoch and source.last_seq is not None else -1


def _waiting(
    machine: ports.MachineRecord, status: ports.StatusRecord, epoch: int, deadline_seconds: float
) -> Wait:
    source = status.source if status.source and status.source.epoch == epoch else None
    fraction = source.sync_fraction if source else 0.0
    findings = "; ".join(finding.what for finding in source.findings) if source else ""
    why = (
        f"{source.sync_mode if source and source.sync_mode else 'first point'}: {(fraction or 0.0):.0%} done"
    )
    return Wait(
        signal=f"machine/{machine.id}",
        deadline_seconds=deadline_seconds,
        why=f"{why} ({findings})" if findings else why,
        progress=fraction,
        poll_seconds=LOOK_AGAIN_SECONDS,
    )
