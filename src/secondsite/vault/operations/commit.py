"""Commit: the operator accepts the failed-over machine. Its point is kept, the others are deleted.

After a planned failover is committed, the machine is protected back by itself, unless the two sites' setting
says otherwise. When a failback is committed, the machine at the site that was left is removed; its disks stay
there, so that the next reprotect sends only changes (S-164). If one of the sites is gone for good, the
operator may commit without it.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...domain import bring_up, by_hand, errors, shell
from ...domain.lifecycle import State, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.machines import PowerState
from ...wire.common.points import started_from
from ..steps import lookup, obstacles
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import Need, WithoutSite
from ..steps.operation import MachineOperation
from ..steps.reversal import automatic_reprotect, automatic_settle
from ..steps.sides import other_hosts, pool_addresses, runs_nowhere
from ..steps.sides.source import ASKED_IN_PASSING, TOLD_IN_PASSING, Source
from ..steps.sides.target import Target
from ..store import MachineRecord, StatusRecord, Transaction


class Commit(MachineOperation):
    verb = Verb.COMMIT

    def arguments(self, tx: Transaction, request: Shape, machine: MachineRecord) -> WithoutSite:
        assert isinstance(request, rest.Commit)
        both = (machine.source_site, machine.target_site)
        return WithoutSite(without_site=declaration.given_up(self.deps, machine, request, both))

    def definition(self) -> Definition:
        plain = super().definition()
        reversed_by_itself = automatic_reprotect.begin(self.deps, self.claim.success)
        return replace(plain, on_success=automatic_settle.begin(self.deps, reversed_by_itself))

    def steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step("commit", self._commit, title="Commit"),
            Step("remove_left", self._remove_left, title="Remove the machine that was left"),
            Step("consolidate", self._consolidate, title="Consolidate disks"),
            Step(automatic_reprotect.KEY, self._reverse, title="Reverse replication"),
        )

    def _check(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.failed_over_point_id is None:
            raise errors.PrerequisiteFailed(
                f"{machine.name} does not run from a recovery point that could be committed."
            )
        with self.deps.store.reading() as tx:
            status = tx.statuses.get(machine.id)
        if lookup.is_forgotten(machine, status):
            raise _forgotten(machine)
        other_hosts.require_copy_here("The commit", self.orders, ctx, machine)
        self._require_left(ctx, machine)
        begin = started_from(machine.failed_over_point_id, machine.failed_over_forward)
        found = _found(machine, self._power(ctx, machine), begin, lookup.redefined(status))
        return Done(f"{found}{self._also_there(ctx, machine)}")

    def _require_left(self, ctx: StepContext, machine: MachineRecord) -> None:
        """For a failback, whose left machine is removed with a note of its disks: require that it is off and
        nothing has these open, before any point is deleted. A site that does not answer is asked again by the
        step that removes the machine; without either of the sites none is removed."""
        given_up = ctx.arguments(WithoutSite).without_site is not None
        if (
            not machine.reversed
            or given_up
            or not self.deps.gateway.is_connected(machine.source_appliance_id)
        ):
            return
        try:
            power = self.source(ctx, machine).power(ASKED_IN_PASSING).facts.power
        except errors.ApplianceUnreachable:
            return
        if power == PowerState.ELSEWHERE:
            raise _open_there(machine)
        if power == PowerState.RUNNING:
            raise _runs_there(machine)
        obstacles.require_whole("The commit", machine.name, power, old_copy=True)

    def _also_there(self, ctx: StepContext, machine: MachineRecord) -> str:
        """A warning of an old copy that is on at the site that was left and keeps its machine, as the end of
        the check's sentence. A site that does not answer at once is not waited for."""
        if machine.reversed or not self.deps.gateway.is_connected(machine.source_appliance_id):
            return ""
        try:
            power = self.source(ctx, machine).power(TOLD_IN_PASSING).facts.power
        except errors.SecondsiteError:
            return ""
        return "" if power in runs_nowhere.NOWHERE else _old_copy(machine, power)

    def _power(self, ctx: StepContext, machine: MachineRecord) -> str | None:
        """The power state of the failed-over machine; None: its site does not answer, or is given up. Checked
        before anything is deleted: a machine that is not defined there can be started only from its points;
        and at home its files are merged and removed, and what its saved memory needs would go with them."""
        target = self.target(ctx, machine)
        if not self.deps.gateway.is_connected(target.appliance_id):
            return None
        try:
            power = target.power().facts.power
        except errors.ApplianceUnreachable:
            return None
        if power == bring_up.MISSING:
            raise _not_there(machine)
        if machine.reversed:
            obstacles.require_at_rest("The commit", machine.name, power)
        return power

    def _commit(self, ctx: StepContext) -> Outcome:
        target = self.target(ctx)
        machine = target.machine
        need = Need(
            target.to_commit_point(str(machine.failed_over_point_id)),
            lost=f"what {machine.name} wrote there since the failover is lost, and so are its recovery "
            f"points there; end its protection, then start it at {machine.source_site}, where its old disks "
            "are",
            later="its point is fixed there",
        )
        return declaration.unless_given_up(self.deps, ctx, target, need)

    def _remove_left(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if not machine.reversed:
            with self.deps.store.reading() as tx:
                how = _left_there(tx.statuses.get(machine.id))
            return Skipped(
                f"this is not a failback: {machine.source_site} keeps its machine{how}, for a later failback"
            )
        if ctx.arguments(WithoutSite).without_site == machine.target_site:
            return Skipped(f"{machine.source_site} keeps its machine: it is the only one that is left")
        source = self.source(ctx, machine)
        self._require_target_serves(source, self.target(ctx, machine))
        need = Need(
            source.to_remove_machine(),
            lost=f"{machine.name} and its disks there are lost, so the next reprotect sends everything",
            later=f"the {machine.name} that was left is removed there",
        )
        outcome = declaration.unless_given_up(self.deps, ctx, source, need)
        with self.deps.store.reading() as tx:
            return pool_addresses.giving_back(tx, machine, outcome)

    def _require_target_serves(self, source: Source, target: Target) -> None:
        """The check may be minutes old, and the old copy was started since. A site that does not answer is
        waited for by the order that follows."""
        if not all(map(self.deps.gateway.is_connected, (source.appliance_id, target.appliance_id))):
            return
        try:
            power = source.power(ASKED_IN_PASSING).facts.power
        except errors.ApplianceUnreachable:
            return
        runs_nowhere.require_target_serves("The commit", target, power)

    def _consolidate(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if not machine.reversed:
            return Skipped("only a machine that failed back is brought back onto its own disks")
        target = self.target(ctx, machine)
        need = Need(
            target.to_consolidate(),
            lost=f"the disks of {machine.name} there are lost",
            later="it is brought back onto its own disks",
        )
        return declaration.unless_given_up(self.deps, ctx, target, need)

    def _reverse(self, ctx: StepContext) -> Outcome:
        return automatic_reprotect.foretell(self.deps, ctx, self.machine(ctx))


def _open_there(machine: MachineRecord) -> errors.PrerequisiteFailed:
    name, site = machine.name, machine.source_site
    return errors.PrerequisiteFailed(
        f"The commit of {name} was not started: at {site}, which it left, something has its disks open, and "
        "the commit would delete all other recovery points.",
        do=f"Find what uses them at {site} ('virsh list', then 'virsh domblklist' of each machine), or on "
        f"another host; turn it off. Then 'secondsite machine commit {shell.arguments(name)}'.",
    )


def _runs_there(machine: MachineRecord) -> errors.PrerequisiteFailed:
    name, site = machine.name, machine.source_site
    return errors.PrerequisiteFailed(
        f"The commit of {name} was not started: its old copy runs at {site}, which it left, and the commit "
        "would cut it off and remove it.",
        do=f"Shut it down at {site} ('virsh shutdown {shell.arguments(name)}'): what it wrote there since "
        f"the failover is not in the copy at {machine.target_site}. Then 'secondsite machine commit "
        f"{shell.arguments(name)}'.",
    )


def _not_there(machine: MachineRecord) -> errors.PrerequisiteFailed:
    name, site = machine.name, machine.target_site
    cancelled = (
        f" 'secondsite machine cancel-failover {shell.arguments(name)}' ends the failover instead."
        if machine.came_from is State.PLANNED_FAILED_OVER
        else ""
    )
    return errors.PrerequisiteFailed(
        (
            f"The commit of {name} was not started: {name} is not known to its hypervisor at {site}, and the "
            "commit would delete all other recovery points."
        ),
        do=f"{bring_up.missing(name, site, committed=False)}{cancelled}",
    )


def _forgotten(machine: MachineRecord) -> errors.PrerequisiteFailed:
    name, site = machine.name, machine.target_site
    cancels = machine.came_from is State.PLANNED_FAILED_OVER
    return errors.PrerequisiteFailed(
        (
            f"The commit of {name} was not started: {bring_up.forgotten(name, site)}. There is nothing to "
            "commit."
        ),
        do=bring_up.from_points(name, site, cancels=cancels, changes=True),
    )


def _found(machine: MachineRecord, power: str | None, begin: str, redefined: str) -> str:
    """The sentence of the check. `redefined`: what was reported of its disks, where a start as it is would be
    wrong."""
    name, site = machine.name, machine.target_site
    if power is None:
        return (
            f"{name} was started at {site} from {begin}; {site} does not answer, so whether it runs is not "
            "known"
        )
    if power == PowerState.RUNNING:
        return f"{name} runs at {site} from {begin}"
    if power not in bring_up.NOT_ON:
        return f"{name} is {power} at {site}, from {begin}"
    way = bring_up.off(name, site, machine.target_fabric_id, hypervisor=machine.hypervisor_at_target)
    if redefined:
        way = bring_up.redefined(name, site, redefined)
    return (
        f"{name} was started at {site} from {begin}; 1 warning: it does not run there: it is "
        f"{bring_up.said(power).rstrip(',')}, and stays so. {way}"
    )


def _old_copy(machine: MachineRecord, power: str) -> str:
    site, state = machine.source_site, bring_up.said(power).rstrip(",")
    shut_down = by_hand.shut_down(machine.source_fabric_id, hypervisor=machine.hypervisor_at_source)
    return (
        f"; 1 warning: at {site} its old copy is {state}. What that one wrote since the failover is not in "
        f"the copy at {machine.target_site}, and a reprotect shuts it down and withdraws it. Shut it down at "
        f"{site} {shut_down}, unless it is the one that counts"
    )


def _left_there(status: StatusRecord) -> str:
    """The power state at the source as last heard: a failover does not ask the source, where the machine may
    still run."""
    heard = status.old_copy or status.source
    if heard is None:
        return ""
    return ", off" if heard.power == "off" else f", which was last heard to be {heard.power}"
