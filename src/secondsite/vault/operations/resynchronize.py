"""Resynchronize: compare every block of source and replica, send only those that differ. Old points stay
usable.

Both sides are told their roles again: an appliance whose database is from an old backup may have forgotten
them, or believe in an earlier epoch or a failover. The source is told only when the target has accepted: the
replica's own files show whether it is of this epoch, and whether a machine was failed over onto it.
"""

from collections.abc import Sequence

from ...domain import errors
from ...domain.lifecycle import Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Done, Outcome
from ...wire.common.machines import PowerState
from ...wire.common.sync_mode import SyncMode
from ...wire.control.setups import Base
from ..steps import replicating, synchronization
from ..steps.operation import MachineOperation
from ..steps.sides import other_hosts
from ..steps.synchronization import ReplicaState
from ..store import MachineRecord


class Resynchronize(MachineOperation):
    verb = Verb.RESYNCHRONIZE

    def steps(self) -> Sequence[Step]:
        return (
            Step("start", self._start, title="Start resynchronization"),
            Step("resynchronize", self._resynchronize, title="Resynchronization"),
        )

    def _start(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        target, source = self.target(ctx, machine), self.source(ctx, machine)
        power = source.power().facts.power
        if power == PowerState.MISSING:
            other_hosts.require_none_has_it("The comparison", self.orders, ctx, machine)
        _require_there(machine, power)
        before = synchronization.remembered_before(self.deps, ctx, machine)
        came_home = machine.target_fabric_id if machine.epoch > 1 else None
        replicating.create_replica(self.deps, target, Base.EMPTY, came_home)
        opened = target.accept_cycles(True)
        replicating.start(self.deps, source, SyncMode.COMPARE)
        started = source.resynchronize()
        return Done(f"{started.sentence}; {opened.sentence}", before)

    def _resynchronize(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        before = ctx.facts("start", ReplicaState)
        return synchronization.await_while_both_are_there(self.orders, ctx, machine, before)


def _require_there(machine: MachineRecord, power: str) -> None:
    """Raises PrerequisiteFailed where the source has no such machine: its target would be left with an empty
    replica."""
    if power == PowerState.MISSING:
        raise errors.PrerequisiteFailed(
            f"{machine.name} was not resynchronized: {machine.source_site} has no such machine.",
            do="Look where it runs: 'virsh list --all' at both sites. If it was moved since this vault's "
            "backup was made, adopt both appliances ('secondsite vault adopt APPLIANCE').",
        )
