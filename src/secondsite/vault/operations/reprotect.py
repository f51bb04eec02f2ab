"""Reprotect: the failed-over machine is protected back to where it came from, or on to another site. Onto
disks that it left there only changes are sent; onto new ones, with its former appliance or with another one,
a full copy or what differs from a seed.

The old machine is shut down (S-167) and withdrawn, so that nobody can start it while its disks are a replica.
If its appliance is gone and another one takes its place, that is done when the appliance returns. The
direction changes when the new replica has its first point; until then everything can be undone and tried
again (S-174).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ...domain import errors, lifecycle, shell
from ...domain.lifecycle import Event, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome, Skipped, Wait
from ...jobs.model.views import JobView
from ...jobs.storage.database import Session
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.sync_mode import SyncMode
from ...wire.control import orders
from ...wire.control.checks import Obstacles
from ..steps import disks, lookup, obstacles, replicating, seeds, synchronization
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import Need
from ..steps.operation import MachineOperation
from ..steps.reversal import alternate_location, automatic_settle, capacity, checking, leaving
from ..steps.reversal.alternate_location import ReprotectArguments
from ..steps.reversal.leaving import Withdrawn
from ..steps.sides import other_hosts, placing, runs_nowhere
from ..steps.sides.source import Source
from ..steps.sides.target import Target
from ..steps.synchronization import ReplicaState
from ..store import MachineRecord, Transaction

NO_SEED = "no copy was shipped"
SEED = "import_seed"
NO_REPLICA = "no replica of it is left with another appliance"


class Reprotect(MachineOperation):
    verb = Verb.REPROTECT
    undo_on_failure = True

    def definition(self) -> Definition:
        """The definition. Jobs that an older release began have no step for a seed, and are not asked for
        one."""
        alone = super().definition()
        kinds = {
            seeded: tuple(each for each in alone.steps if seeded or each.key != SEED)
            for seeded in (False, True)
        }

        def steps_of(arguments: Json) -> Sequence[Step]:
            return kinds[bool(arguments.get("seeds"))]

        turned = automatic_settle.begin(self.deps, self._turn)
        return replace(alone, steps=(), steps_of=steps_of, on_success=turned)

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> ReprotectArguments:
        assert isinstance(request, rest.Reprotect)
        return alternate_location.asked(tx, request, machine)

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step(
                "withdraw",
                self._withdraw,
                title="Shut down",
                undo=self._define_again,
                undo_after_failure=True,
            ),
            Step(
                "create_replica",
                self._create_replica,
                title="Create replica",
                undo=self._remove_replica,
                undo_after_failure=True,
            ),
            Step(SEED, self._import_seed, title="Import of the seed"),
            Step(
                "reverse_replication",
                self._reverse,
                title="Reverse replication",
                undo=self._stop,
                undo_after_failure=True,
            ),
            Step("synchronize", self._synchronize, title="Synchronize"),
            Step("leave", self._leave, title="Remove the old replica", skipped=_stays),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine, wanted = self.machine(ctx), ctx.arguments(ReprotectArguments)
        if machine.coming_appliance_id != wanted.appliance_id:  # before the appliance is asked
            ctx.write(self.deps.commit(partial(_note_coming, machine.id, wanted.appliance_id)))
        other_hosts.require_copy_not_moved("Reprotecting", self.orders, ctx, machine)
        elsewhere = wanted.is_elsewhere(machine)
        target = self._new_target(ctx, machine)
        with self.deps.store.reading() as tx:
            addresses = lookup.data_addresses(tx, target.appliance_id)
            limit = capacity.of(tx, tx.appliances.find(target.appliance_id), target.machine)
            reported = obstacles.reported_before_return(tx, machine, target.appliance_id)
        if not elsewhere or self.deps.gateway.is_connected(machine.source_appliance_id):
            self._require_whole(ctx, machine, elsewhere)
        ours = self._new_source(ctx, machine).check(machine.disks, addresses)
        # the record has the disks' sizes as the machine was protected; the new replica needs the present ones
        ctx.write(self.deps.commit(partial(disks.note_sizes, machine.id, ours.facts.sizes)))
        new = disks.as_large_as(target.machine, ours.facts.sizes)
        with self.deps.store.reading() as tx:
            question = checking.of_target(
                tx, new, wanted, needed_bytes=ours.facts.needed_bytes, elsewhere=wanted.is_new(machine)
            )
        theirs = target.check(question)
        beside = self._copies_beside(ctx, machine, target)
        unkept = placing.keeps_no_stores(target.machine.kept.store, theirs.facts)
        found = ours.facts, theirs.facts, limit, beside, unkept
        warned, keep = obstacles.passed(self.deps, "Reprotecting", machine, *found, told=reported)
        return Done(f"{self._way(wanted, target, machine)}, {self._where(ctx, target)}{warned}", commit=keep)

    def _way(self, wanted: ReprotectArguments, target: Target, machine: MachineRecord) -> str:
        if not wanted.goes_on(machine):
            return f"{machine.name} can be protected back to {machine.source_site}"
        return (
            f"{machine.name} can be protected to {target.site} (what it left at {machine.source_site} stays "
            "there, off)"
        )

    def _require_whole(self, ctx: StepContext, machine: MachineRecord, elsewhere: bool) -> None:
        try:
            power = self.source(ctx, machine).power(patient=not elsewhere).facts.power
        except leaving.NOT_WAITED_FOR as away:
            if elsewhere:
                return
            if not isinstance(away, errors.ApplianceUnreachable):
                raise
            raise errors.ApplianceUnreachable(away.message, do=_way_on(machine)) from away
        runs_nowhere.require_target_serves(leaving.VERB, self.target(ctx, machine), power)
        obstacles.require_whole("Reprotecting", machine.name, power, old_copy=True)

    def _where(self, ctx: StepContext, target: Target) -> str:
        wanted = ctx.arguments(ReprotectArguments)
        if wanted.to_original:
            return "onto its own disks (original location): only changes are sent"
        with self.deps.store.reading() as tx:
            appliance = tx.appliances.find(target.appliance_id)
        name = appliance.name if appliance is not None else target.appliance_id
        full = "a seed is compared, and what differs is sent" if wanted.seeds else "a full copy is sent"
        return f"onto new disks with appliance '{name}' (alternate location): {full}"

    def _copies_beside(self, ctx: StepContext, machine: MachineRecord, target: Target) -> Obstacles:
        """Copies with other appliances: a third one of that site may have a copy that nobody knows of."""
        with self.deps.store.reading() as tx:
            known = tx.appliances.find(target.appliance_id)
        if known is None or target.appliance_id == machine.source_appliance_id:
            return obstacles.NOTHING
        there = target.machine.target_fabric_id
        except_for = (machine.source_appliance_id,)
        return placing.copies_beside(self.deps, self.orders, ctx, known, there, except_for=except_for)

    def _withdraw(self, ctx: StepContext) -> Outcome:
        machine, wanted = self.machine(ctx), ctx.arguments(ReprotectArguments)
        old, serving = self.source(ctx, machine), self.target(ctx, machine)
        if not wanted.is_elsewhere(machine):
            return leaving.here(old, serving, needed=wanted.to_original)
        new = self._as_it_will_be(ctx, machine)
        moved = replace(
            machine,
            source_site=new.target_site,
            source_appliance_id=new.target_appliance_id,
            source_fabric_id=new.target_fabric_id,
        )
        needed, stays = wanted.to_original, wanted.goes_on(machine)
        there = self.source(ctx, moved)
        return leaving.for_another(self.deps, old, there, serving, needed=needed, stays=stays)

    def _define_again(self, ctx: StepContext) -> Outcome:
        return leaving.undo(self.deps, self.source(ctx), ctx.facts("withdraw", Withdrawn))

    def _create_replica(self, ctx: StepContext) -> Outcome:
        machine, wanted = self.machine(ctx), ctx.arguments(ReprotectArguments)
        target, base = self._new_target(ctx, machine), wanted.base
        return replicating.create_replica(self.deps, target, base, target.machine.target_fabric_id).done()

    def _remove_replica(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        target = self._new_target(ctx, machine)
        payload = orders.RemoveReplica(
            # at a further site it was withdrawn before
            restore_machine=not ctx.arguments(ReprotectArguments).goes_on(machine),
            still_protected=True,
            fabric_id=target.machine.target_fabric_id,
            made_by=target.job_id,
            # a restored vault may undo a reprotect of long ago, whose machine no longer exists
            keep_points=not self.deps.gateway.is_connected(target.machine.source_appliance_id),
        )
        need = Need(
            target.to_remove_replica(payload),
            lost=f"the old {target.machine.name} is not defined there again yet",
            later="its replica is removed there, and the old machine defined again",
        )
        return declaration.undone_or_left(self.deps, target, need)

    def _import_seed(self, ctx: StepContext) -> Outcome:
        target = self._new_target(ctx, self.machine(ctx))
        wanted = seeds.of(ctx.arguments(ReprotectArguments).seeds, target.machine.definition)
        return target.import_seed(wanted).done() if wanted else Skipped(NO_SEED)

    def _reverse(self, ctx: StepContext) -> Outcome:
        wanted = ctx.arguments(ReprotectArguments)
        sync = SyncMode.COMPARE if wanted.to_original else SyncMode.COPY
        source = self._new_source(ctx, self.machine(ctx))
        return replicating.start(self.deps, source, sync, tuple(wanted.seeds)).done()

    def _stop(self, ctx: StepContext) -> Outcome:
        source = self._new_source(ctx, self.machine(ctx))
        need = Need(
            source.to_stop_replication(),
            lost="replication is not stopped there yet",
            later="it is stopped there",
        )
        return declaration.undone_or_left(self.deps, source, need)

    def _synchronize(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        try:
            return synchronization.await_point(self.deps, machine, machine.epoch + 1, ReplicaState())
        except Wait:
            synchronization.require_takes(self.deps, ctx, machine, machine.epoch + 1)
            raise

    def _leave(self, ctx: StepContext) -> Outcome:
        """Remove the replica of an earlier direction at the former appliance, if the machine has changed to
        another one of that site."""
        machine, wanted = self.machine(ctx), ctx.arguments(ReprotectArguments)
        if wanted.goes_on(machine):
            return Skipped(f"what it left at {machine.source_site} stays there, for a later way back")
        if not wanted.is_elsewhere(machine) or not machine.reversed:
            return Skipped(NO_REPLICA)
        return leaving.remove_replica(self.deps, self.source(ctx, machine))

    def _new_source(self, ctx: StepContext, machine: MachineRecord) -> Source:
        return self.source(ctx, self._as_it_will_be(ctx, machine))

    def _new_target(self, ctx: StepContext, machine: MachineRecord) -> Target:
        return self.target(ctx, self._as_it_will_be(ctx, machine))

    def _as_it_will_be(self, ctx: StepContext, machine: MachineRecord) -> MachineRecord:
        with self.deps.store.reading() as tx:
            return alternate_location.turned(tx, machine, ctx.arguments(ReprotectArguments))

    def _turn(self, session: Session, job: JobView) -> None:
        """Source and target swap roles, in the transaction that ends the job."""
        tx = self.deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        if machine.job_id != job.id:
            raise errors.Internal(f"Machine {machine.name} belongs to another job.")
        row = lifecycle.after(machine.state, Event.SUCCEEDED)
        wanted = ReprotectArguments.model_validate(job.arguments)
        tx.machines.put(replace(alternate_location.turned(tx, machine, wanted), state=row.next, job_id=None))


def _way_on(machine: MachineRecord) -> str:
    return (
        "Start it, then retry the job. If it is gone for good, let another appliance take its place, of that "
        "site or of a further one: '--location alternate --target-appliance NAME' ('secondsite machine "
        "appliances "
        f"{shell.arguments(machine.name)}')."
    )


def _note_coming(machine_id: str, appliance_id: str | None, tx: Transaction) -> None:
    tx.machines.put(replace(tx.machines.get(machine_id), coming_appliance_id=appliance_id))


def _stays(arguments: Json) -> str | None:
    return NO_REPLICA if ReprotectArguments.model_validate(arguments).appliance_id is None else None
