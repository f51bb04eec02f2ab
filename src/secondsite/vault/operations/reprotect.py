"""Reprotect: the failed-over machine is protected back to where it came from. Only changes travel.

The old machine is shut down (S-167) and withdrawn, so that nobody can start it while its disks are a replica. The
direction changes when the new replica has its first point; until then everything can be undone and tried again
(S-174).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ...domain import errors, lifecycle, policies
from ...domain.lifecycle import Event, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...jobs.model.views import JobView
from ...jobs.storage.database import Session
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.stores import Keeping
from ...wire.common.sync_mode import SyncMode
from ...wire.control import checks, orders
from ...wire.control.setups import Base
from .. import ports
from ..steps import lookup, obstacles, replicating, synchronizing
from ..steps.lost import giving_up
from ..steps.lost.giving_up import Need
from ..steps.operation import MachineOperation
from ..steps.sides import placing
from ..steps.sides.source import Source
from ..steps.sides.target import Target
from ..steps.synchronizing import Before


class ReprotectArguments(Shape):
    """Onto the old source's own disks, or onto new ones."""

    location: Literal["original", "alternate"] = "original"
    store: str | None = None

    @property
    def to_original(self) -> bool:
        return self.location == "original"


class Reprotect(MachineOperation):
    verb = Verb.REPROTECT
    undo_on_failure = True

    def definition(self) -> Definition:
        return replace(super().definition(), on_success=self._turn)

    def arguments(
        self, tx: ports.Transaction, request: Shape, machine: ports.MachineRecord
    ) -> ReprotectArguments:
        assert isinstance(request, rest.Reprotect)
        return ReprotectArguments(location=request.location, store=request.store)

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("withdraw", self._withdraw, title="Shut down"),
            Step(
                "create_replica",
                self._create_replica,
                title="Create replica",
                undo=self._remove_replica,
                undo_after_failure=True,
            ),
            Step(
                "reverse_replication",
                self._reverse,
                title="Reverse replication",
                undo=self._stop,
                undo_after_failure=True,
            ),
            Step("synchronize", self._synchronize, title="Synchronize"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine, to_original = self.machine(ctx), _to_original(ctx)
        with self.deps.store.reading() as tx:
            addresses = lookup.data_addresses(tx, machine.source_appliance_id)
        power = self.source(ctx, machine).power().facts.power
        obstacles.require_whole("Reprotecting", machine.name, power)
        ours = self._new_source(ctx, machine).check(machine.disks, addresses)
        # onto its own disks only changes travel; new ones take a full copy
        target = self._new_target(ctx, machine)
        wanted = checks.CheckTarget(
            encrypted=machine.encrypted and not to_original,
            needed_bytes=0 if to_original else ours.facts.needed_bytes or 0,
            replica=checks.WantedReplica(epoch=target.machine.epoch, base=_base(ctx)),
            keeping=target.machine.kept,
        )
        theirs = target.check(wanted)
        unkept = placing.keeps_no_stores(target.machine.kept.store, theirs.facts)
        found = ours.facts, theirs.facts, unkept
        warned, keep = obstacles.passed(self.deps, "Reprotecting", machine, *found)
        where = "its own disks" if to_original else "new disks"
        return Done(
            f"{machine.name} can be protected back to {machine.source_site}, onto {where}{warned}",
            commit=keep,
        )

    def _withdraw(self, ctx: StepContext) -> Outcome:
        """With new disks, an old machine that is gone is not needed."""
        try:
            return self.source(ctx).withdraw().done()
        except errors.NotFound as gone:
            if _to_original(ctx):
                raise
            return Skipped(f"there is nothing to shut down: {gone.message}")

    def _create_replica(self, ctx: StepContext) -> Outcome:
        target = self._new_target(ctx, self.machine(ctx))
        return replicating.create_replica(
            self.deps, target, _base(ctx), target.machine.target_fabric_id
        ).done()

    def _remove_replica(self, ctx: StepContext) -> Outcome:
        target = self._new_target(ctx, self.machine(ctx))
        payload = orders.RemoveReplica(
            restore_machine=True,
            still_protected=True,
            fabric_id=target.machine.target_fabric_id,
            made_by=target.job_id,
            # a restored vault may undo a reprotect of long ago, whose machine is gone
            keep_points=not self.deps.gateway.is_connected(target.machine.source_appliance_id),
        )
        need = Need(
            target.to_remove_replica(payload),
            lost=f"the old {target.machine.name} is not defined there again yet",
            later="its replica is removed there, and the old machine defined again",
        )
        return giving_up.undone_or_left(self.deps, target, need)

    def _reverse(self, ctx: StepContext) -> Outcome:
        sync = SyncMode.COMPARE if _to_original(ctx) else SyncMode.COPY
        return replicating.start(self.deps, self._new_source(ctx, self.machine(ctx)), sync).done()

    def _stop(self, ctx: StepContext) -> Outcome:
        source = self._new_source(ctx, self.machine(ctx))
        need = Need(
            source.to_stop_replication(),
            lost="replication is not stopped there yet",
            later="it is stopped there",
        )
        return giving_up.undone_or_left(self.deps, source, need)

    def _synchronize(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        return synchronizing.await_point(self.deps, machine, machine.epoch + 1, Before())

    def _new_source(self, ctx: StepContext, machine: ports.MachineRecord) -> Source:
        return self.source(ctx, self._as_it_will_be(ctx, machine))

    def _new_target(self, ctx: StepContext, machine: ports.MachineRecord) -> Target:
        return self.target(ctx, self._as_it_will_be(ctx, machine))

    def _as_it_will_be(self, ctx: StepContext, machine: ports.MachineRecord) -> ports.MachineRecord:
        with self.deps.store.reading() as tx:
            return _turned(tx, machine, ctx.arguments(ReprotectArguments))

    def _turn(self, session: Session, job: JobView) -> None:
        """Source and target swap roles, in the transaction that ends the job."""
        tx = self.deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.job_id != job.id:
            raise errors.Internal(f"Machine {machine.name} belongs to another job.")
        row = lifecycle.after(machine.state, Event.SUCCEEDED)
        wanted = ReprotectArguments.model_validate(job.arguments)
        tx.machines.put(replace(_turned(tx, machine, wanted), state=row.next, job_id=None))


def _base(ctx: StepContext) -> Base:
    return Base.EXISTING if _to_original(ctx) else Base.EMPTY


def _to_original(ctx: StepContext) -> bool:
    return ctx.arguments(ReprotectArguments).to_original


def _turned(
    tx: ports.Transaction, machine: ports.MachineRecord, wanted: ReprotectArguments
) -> ports.MachineRecord:
    """The machine as it will be, by the policy of that way, its replica kept where it was asked for."""
    turned = _swapped(machine)
    read_only = {policy.name: fixed for policy, fixed in tx.policies.list()}
    now = replace(turned, policy=policies.in_force(machine.policy, read_only, turned.reversed))
    if wanted.store is None:
        return now
    return replace(now, keeping={**now.keeping, now.target_site: Keeping(store=wanted.store)})


def _swapped(machine: ports.MachineRecord) -> ports.MachineRecord:
    """The machine with source and target swapped, in a new epoch."""
    return replace(
        machine,
        source_site=machine.target_site,
        target_site=machine.source_site,
        source_appliance_id=machine.target_appliance_id,
        target_appliance_id=machine.source_appliance_id,
        source_fabric_id=machine.target_fabric_id,
        target_fabric_id=machine.source_fabric_id,
        epoch=machine.epoch + 1,
        failed_over_point_id=None,
        failed_over_forward=None,
        failed_over_at=None,
        start_ordered=False,
    )
