"""Waits for a pass over whole disks to end: the appliances do it by themselves, a job only watches."""

from collections.abc import Collection
from datetime import datetime

from ...domain import errors, shell
from ...domain.amounts import size
from ...ground.units import DAY
from ...jobs.model.context import StepContext
from ...jobs.model.outcomes import Done, Wait
from ...wire.common.base import Shape
from ..store import MachineRecord, StatusRecord
from .deps import Deps
from .sides.orders import Orders

LOOK_AGAIN_SECONDS = 5.0
AWAY_SECONDS = 600.0
"""How long an appliance may be away: a host restarts in less."""
BROKEN_SECONDS = 600.0
"""How long a replica may report that it cannot take what is sent: a short failure of a store is over
before."""
DEADLINE_SECONDS = 30 * DAY


class ReplicaState(Shape):
    """The state of a replica before a pass: its newest sequence number (-1: none), and the bytes that were
    sent in its epoch."""

    after_seq: int = -1
    sent_before: int = 0


class SyncResult(Shape):
    """The first recovery point after a pass, and the bytes that the pass sent."""

    point_id: str
    taken_at: datetime
    wire_bytes: int


def _now(deps: Deps, machine: MachineRecord) -> ReplicaState:
    """The present state, in the machine's epoch."""
    with deps.store.reading() as tx:
        status = tx.statuses.get(machine.id)
    points = status.replica.points if status.replica else ()
    source = status.source
    return ReplicaState(
        after_seq=max((point.seq for point in points if point.epoch == machine.epoch), default=-1),
        sent_before=source.total_wire_bytes if source and source.epoch == machine.epoch else 0,
    )


def remembered_before(deps: Deps, ctx: StepContext, machine: MachineRecord) -> ReplicaState:
    """The state when the step first ran: its later runs, and a retry, get the same."""
    known = ctx.remembered(ReplicaState)
    if known is None:
        known = _now(deps, machine)
        ctx.remember(known)
    return known


def await_point(
    deps: Deps, machine: MachineRecord, epoch: int, before: ReplicaState, with_disks: Collection[str] = ()
) -> Done:
    """Done when the replica of `epoch` has a point newer than `before` that was sealed after the pass and has
    these disks; raises Wait until then. A source that does not answer, perhaps for ever, is not waited
    for."""
    with deps.store.reading() as tx:
        status = tx.statuses.get(machine.id)
    points = status.replica.points if status.replica and status.replica.epoch == epoch else ()
    fresh = [point for point in points if point.epoch == epoch and before.after_seq < point.seq]
    fresh = [point for point in fresh if set(with_disks) <= set(point.disks)]
    if deps.gateway.is_connected(_source_of(machine, epoch)):
        sent_seq = _sent_seq(status, epoch)
        fresh = [point for point in fresh if point.seq <= sent_seq]
    if not fresh:
        raise _wait(machine, status, epoch)
    newest = fresh[-1]
    sent = max(0, status.source.total_wire_bytes - before.sent_before) if status.source else 0
    return Done(
        f"{machine.name} is synchronized: point {newest.id}, {size(sent)} sent",
        SyncResult(point_id=newest.id, taken_at=newest.taken_at, wire_bytes=sent),
    )


class ReplicaFailure(Shape):
    """Since when a replica has been reporting that, by lived time; None: it does not."""

    since: datetime | None = None


def require_takes(deps: Deps, ctx: StepContext, machine: MachineRecord, epoch: int) -> None:
    """For a job that waits for the first point of a replica: raises NotPossibleNow once the replica has
    reported for BROKEN_SECONDS that it cannot take what is sent. Until the job ends no other verb is
    possible."""
    with deps.store.reading() as tx:
        replica = tx.statuses.get(machine.id).replica
    found = replica.findings if replica is not None and replica.epoch == epoch else ()
    why = next((each.what for each in found if each.code in ("replica-damaged", "old-disk-away")), None)
    known = ctx.remembered(ReplicaFailure) or ReplicaFailure()
    if why is None:
        if known.since is not None:
            ctx.remember(ReplicaFailure())
        return
    if known.since is None:
        ctx.remember(ReplicaFailure(since=deps.lived()))
    elif (deps.lived() - known.since).total_seconds() >= BROKEN_SECONDS:
        raise errors.NotPossibleNow(
            f"The new replica of {machine.name} cannot take what is sent: {why}",
            do="Correct what is named, then reprotect again. The cause may be its old disks: "
            "'--location alternate' copies everything to new ones.",
        )


def await_while_both_are_there(
    give: Orders,
    ctx: StepContext,
    machine: MachineRecord,
    before: ReplicaState,
    with_disks: Collection[str] = (),
) -> Done:
    """As `await_point` in the machine's epoch, for a job that nobody can cancel: it does not wait for a site
    that does not come back. Raises ApplianceUnreachable then."""
    try:
        return await_point(give.deps, machine, machine.epoch, before, with_disks)
    except Wait:
        for appliance_id in (machine.target_appliance_id, machine.source_appliance_id):
            _require_there(give, ctx, machine, appliance_id)
        raise


def _require_there(give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str) -> None:
    try:
        give.require_reachable(ctx, appliance_id, AWAY_SECONDS)
    except errors.ApplianceUnreachable as away:
        raise errors.ApplianceUnreachable(
            f"{away.message} The comparison of {machine.name} has not ended; what was sent stays, and it "
            "goes on by itself when both sites are there.",
            do=f"Start the appliance and see with 'secondsite machine show {shell.arguments(machine.name)}' "
            "how it goes on. If the site is gone for good, fail over, or end the protection with "
            "'--without-site'.",
        ) from away


def _source_of(machine: MachineRecord, epoch: int) -> str:
    """The appliance that replicates in that epoch: the machine's own or that of its reprotect."""
    return machine.source_appliance_id if epoch == machine.epoch else machine.target_appliance_id


def _sent_seq(status: StatusRecord, epoch: int) -> int:
    """The sequence number that the source knows to be acknowledged: its figures belong to the point only from
    then on."""
    source = status.source
    return source.last_seq if source and source.epoch == epoch and source.last_seq is not None else -1


def _wait(machine: MachineRecord, status: StatusRecord, epoch: int) -> Wait:
    source = status.source if status.source and status.source.epoch == epoch else None
    fraction = source.sync_fraction if source else 0.0
    findings = "; ".join(finding.what for finding in source.findings) if source else ""
    why = (
        f"{source.sync_mode if source and source.sync_mode else 'first point'}: {(fraction or 0.0):.0%} done"
    )
    return Wait(
        signal=f"machine/{machine.id}",
        deadline_seconds=DEADLINE_SECONDS,
        why=f"{why} ({findings})" if findings else why,
        progress=fraction,
        poll_seconds=LOOK_AGAIN_SECONDS,
    )
