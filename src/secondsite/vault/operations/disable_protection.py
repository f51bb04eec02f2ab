"""Disable protection: replication ends, and everything that was made for it is removed. The running machine
is untouched.

Where the machine runs on the replica's own files (failed over and committed), those files stay with it. A
source that cannot be reached is stopped when it returns, by a job of its own; the verb does not fail for it.
Whether what the source has is an old copy then is asked from the target's hypervisor: records may be from
before a failover, or from one that ended half-way. A target that is gone for good has to be given up by the
operator: its recovery points are lost.

A machine that was failed over, or that a failover left half-way, and that runs at neither site, keeps its
protection until it was brought up (S-057), or until a person says that it need not run anywhere.

Recovery points that may be all that is left of the machine stay as files: those of a failed-over machine of
which there is no copy, those of a machine whose source does not answer, and those at the source that are of a
later epoch than the vault knows, unless a copy is at the target.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...domain import bring_up, errors, health
from ...domain.lifecycle import HALF_WAY, State, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.facts import Json
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...jobs.model.views import JobView
from ...jobs.storage.database import Session
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.machines import PowerState
from ...wire.control import orders
from ..steps import authority
from ..steps.absent_site import declaration, finish_later
from ..steps.absent_site.declaration import Need, WithoutSite
from ..steps.claim import CHECK
from ..steps.operation import MachineOperation
from ..steps.reversal import further_site
from ..steps.sides import other_hosts, pool_addresses, runs_nowhere
from ..steps.sides.side import Ask, Side
from ..steps.sides.source import ASKED_IN_PASSING, Source
from ..store import MachineRecord, Transaction

STARTED_WITHOUT_VAULT = "started-without-vault"


class DisableArguments(WithoutSite):
    """The arguments: whether the machine runs on the replica's own files, as far as the vault knows.
    `runs_at_source`: it does not, and the appliance of its source, which is connected, reports so."""

    runs_at_target: bool = False
    runs_at_source: bool = False
    runs_nowhere: bool = False
    """A person said that protection may end although the machine runs nowhere."""
    checked: bool = False
    """The job begins with a check; jobs of the release of 2026-11-20 do not."""


class DisableProtection(MachineOperation):
    verb = Verb.DISABLE_PROTECTION

    def definition(self) -> Definition:
        made = super().definition()
        unchecked = made.steps[1:]

        def steps_of(arguments: Json) -> Sequence[Step]:
            return made.steps if arguments.get("checked") is True else unchecked

        return replace(made, steps=(), steps_of=steps_of, on_success=self._forget)

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> DisableArguments:
        assert isinstance(request, rest.DisableProtection)
        both = (machine.source_site, machine.target_site)
        failed_over = machine.failed_over_point_id is not None or machine.start_ordered
        runs = self.deps.gateway.is_connected(machine.source_appliance_id) and _runs_at_source(tx, machine)
        return DisableArguments(
            runs_at_target=failed_over,
            runs_at_source=runs and not failed_over,
            runs_nowhere=request.runs_nowhere,
            checked=True,
            without_site=declaration.given_up(self.deps, machine, request, both),
        )

    def steps(self) -> Sequence[Step]:
        return (
            Step(CHECK, self._check, title="Prerequisites check"),
            Step("stop_replication", self._stop, title="Stop replication"),
            Step("remove_replica", self._remove, title="Remove replica"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine, asked = self.machine(ctx), ctx.arguments(DisableArguments)
        half_way = self._is_half_way(machine)
        other_hosts.require_none_has_it("The end of protection", self.orders, ctx, machine)
        other_hosts.require_copy_not_moved("The end of protection", self.orders, ctx, machine)
        if not half_way and machine.failed_over_point_id is None:
            return Done(self._not_failed_over(machine))
        if asked.runs_nowhere:
            return Done(f"{machine.name} need not run anywhere, as was asked")
        sides, given_up = (self.source(ctx, machine), self.target(ctx, machine)), asked.without_site
        if half_way:
            return Done(runs_nowhere.require(*sides, given_up))
        with self.deps.store.reading() as tx:
            status = tx.statuses.get(machine.id)
        return Done(runs_nowhere.require_failed_over(*sides, given_up, status))

    def _not_failed_over(self, machine: MachineRecord) -> str:
        with self.deps.store.reading() as tx:
            replica = tx.statuses.without_points(machine.id).replica
        if replica is not None and any(each.code == STARTED_WITHOUT_VAULT for each in replica.findings):
            return (
                f"{machine.name} was started at {machine.target_site} without the vault: what it wrote there "
                "stays, as files"
            )
        return f"{machine.name} is as its owner left it"

    def _is_half_way(self, machine: MachineRecord) -> bool:
        """Whether it was left so, also before an attempt to end its protection that failed: then a start was
        ordered of which nothing is known, or the source's owner cannot start it."""
        if machine.came_from is not State.DISABLE_FAILED or machine.failed_over_point_id is not None:
            return machine.came_from in HALF_WAY
        with self.deps.store.reading() as tx:
            source = tx.statuses.without_points(machine.id).source
        return machine.start_ordered or (source is not None and source.fenced)

    def _stop(self, ctx: StepContext) -> Outcome:
        source = self.source(ctx)
        sees_copy = self._sees_copy_at_target(ctx, source.machine)
        is_connected = self.deps.gateway.is_connected(source.appliance_id)
        is_old_copy = sees_copy is True and (not is_connected or self._serves_at_target(ctx))
        keep_later_than = None if sees_copy else source.machine.epoch
        try:
            given_up = is_old_copy and is_connected
            if given_up:
                _remove_further_copy(source)
            asked = source.to_end_protection(
                given_up=given_up, keep_later_than=keep_later_than, copy_is_off=self._copy_is_off(ctx)
            )
            return _named(source, source.ask(asked).done())
        except errors.ApplianceUnreachable as error:
            asked = source.to_end_protection(given_up=is_old_copy, keep_later_than=keep_later_than)
            return Skipped(
                (
                    f"{error.message} Replication is stopped there when it returns; the target refuses its "
                    "cycles from now on."
                ),
                lambda session: self._stop_later(session, source, asked, is_old_copy=is_old_copy),
            )

    def _serves_at_target(self, ctx: StepContext) -> bool:
        """Whether a failed-over machine runs at its target: then what is at its source is an old copy, which
        must be off, and has no autostart any more."""
        if not ctx.arguments(DisableArguments).runs_at_target:
            return False
        return self.target(ctx).power().facts.power in runs_nowhere.SERVES

    def _serves_at_source(self, ctx: StepContext) -> bool:
        """Whether a machine that was failed over runs at its source all the same: then what is at its target
        is the copy that must be off."""
        source = self.source(ctx)
        failed_over = ctx.arguments(DisableArguments).runs_at_target
        if not failed_over or not self.deps.gateway.is_connected(source.appliance_id):
            return False
        try:
            return source.power(ASKED_IN_PASSING).facts.power in runs_nowhere.SERVES
        except errors.ApplianceUnreachable:
            return False

    def _copy_is_off(self, ctx: StepContext) -> bool:
        """Whether a machine that was failed over runs at its source, and its copy is off or was given up."""
        if not self._serves_at_source(ctx):
            return False
        target = self.target(ctx)
        if _target_is_given_up(ctx, target.machine):
            return True
        try:
            return target.power().facts.power in bring_up.NOT_ON
        except errors.ApplianceUnreachable:
            return False

    def _sees_copy_at_target(self, ctx: StepContext, machine: MachineRecord) -> bool | None:
        """Whether the target has the machine's last copy; None for a target that was given up. Any other
        target is waited for: if the copy at the source is taken for the last one, it is given back to its
        owner, who may start it."""
        target = self.target(ctx, machine)
        if _target_is_given_up(ctx, machine) and not self.deps.gateway.is_connected(target.appliance_id):
            return None
        try:
            return bool(target.power().facts.power != PowerState.MISSING)
        except errors.ApplianceUnreachable as error:
            raise declaration.with_a_way_on(error, target, self._lost_at_target(ctx)) from error

    def _lost_at_target(self, ctx: StepContext) -> str:
        runs = ctx.arguments(DisableArguments).runs_at_target
        what = "the machine that runs there, and its disks, are" if runs else "its recovery points there are"
        return f"{what} lost"

    def _stop_later(
        self,
        session: Session,
        source: Source,
        asked: Ask[orders.StopReplication, orders.Nothing],
        *,
        is_old_copy: bool,
    ) -> None:
        """Leave it for that site after everything else that is left for it: an old copy there is then removed
        as one."""
        if is_old_copy and source.is_copy:
            removal = source.to_remove_machine()
            why = "the copy that it left there is removed"
            finish_later.submit(self.deps, session, source, removal.order, removal.payload, why)
        finish_later.submit(
            self.deps, session, source, asked.order, asked.payload, "replication is stopped there"
        )

    def _remove(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        asked = ctx.arguments(DisableArguments)
        # also where no replica is known: a restored vault may not know of a failover
        payload = orders.RemoveReplica(
            keep_running=True,
            ended=True,
            restore_machine=machine.reversed and machine.failed_over_point_id is None,
            given_up=_target_is_given_up(ctx, machine)
            or (asked.runs_at_source and self._runs_at_source(ctx, machine))
            or self._serves_at_source(ctx),
            keep_points=machine.failed_over_point_id is not None
            or not self.deps.gateway.is_connected(machine.source_appliance_id),
        )
        target = self.target(ctx, machine)
        need = Need(
            target.to_remove_replica(payload),
            lost=self._lost_at_target(ctx),
            later="its replica is removed there",
        )
        outcome = _named(target, declaration.unless_given_up(self.deps, ctx, target, need))
        with self.deps.store.reading() as tx:
            return pool_addresses.at_end(tx, machine, outcome, asked.without_site)

    def _runs_at_source(self, ctx: StepContext, machine: MachineRecord) -> bool:
        """Whether the machine runs at its source. A stored status may be from a backup of the vault, of
        before the machine left that site: if the appliance reports nothing of the machine now, the hypervisor
        is asked."""
        with self.deps.store.reading() as tx:
            said_at = tx.statuses.without_points(machine.id).source_at
        if said_at is not None and (ctx.now() - said_at).total_seconds() < health.SILENT_SECONDS:
            return True
        try:
            return bool(self.source(ctx, machine).power().facts.power == PowerState.RUNNING)
        except errors.ApplianceUnreachable:
            return True

    def _forget(self, session: Session, job: JobView) -> None:
        tx = self.deps.store.within(session)
        machine = tx.machines.by_id(str(job.subject))
        given_up = DisableArguments.model_validate(job.arguments).without_site
        if machine is not None:
            further_site.let_go(self.deps, session, machine)
        if machine is not None and not pool_addresses.is_away(machine, given_up):
            tx.pools.give_back(machine.id)
        tx.statuses.remove(str(job.subject))
        tx.machines.remove(str(job.subject))


def _remove_further_copy(source: Source) -> None:
    """Remove what a site has of a machine that went on from it to a further one, so that no definition that
    starts stays there, and the disks below it go with the replica; one that is on stays."""
    if source.is_copy and source.power(ASKED_IN_PASSING).facts.power in bring_up.NOT_ON:
        source.ask(source.to_remove_machine())


def _named(side: Side, outcome: Outcome) -> Outcome:
    """The outcome, which names its site: of both sites the same may be said."""
    if not isinstance(outcome, Done):
        return outcome
    return replace(outcome, sentence=f"at {side.site}: {outcome.sentence}")


def _runs_at_source(tx: Transaction, machine: MachineRecord) -> bool:
    """Whether the stored status shows it running at its source. A source of another epoch is one of a later
    direction: this vault was restored from before that."""
    source = tx.statuses.without_points(machine.id).source
    if source is None or source.epoch != authority.epoch(tx, machine):
        return False
    return source.power == PowerState.RUNNING and not source.fenced


def _target_is_given_up(ctx: StepContext, machine: MachineRecord) -> bool:
    return ctx.arguments(DisableArguments).without_site == machine.target_site
