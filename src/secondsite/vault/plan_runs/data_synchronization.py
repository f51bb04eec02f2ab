"""A plan's way home with a data synchronization: what is decided about it when the run is asked for.

Machines that were committed and not reprotected are taken too, in the roles that they will have by then.
Machines that are protected already need none, and move as ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ...domain import errors, shell
from ...domain.lifecycle import DrillState, State, Verb
from ...domain.plans.directions import Direction
from ...domain.plans.plan import RecoveryPlan
from ...domain.plans.run_selection import RunRequest
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire import rest
from ...wire.rest.verbs import Location, PlannedFailoverOptions
from ..steps import authority, batch
from ..steps.batch import BatchChild
from ..store import MachineRecord, Transaction
from . import unsynchronized_failback
from .arguments import Synchronization

OPTION = "data_sync"
PLACE = ("location", "target_appliance", "store")
"""Options that say where the data goes."""
NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


def of(options: Mapping[str, object]) -> DataSync | None:
    """How a run with these options synchronizes data; None: it does not."""
    found = options.get(OPTION)
    return None if found is None else DataSync(str(found))


def part(wanted: RunRequest, options: Mapping[str, object]) -> RunRequest:
    """The part of the plan that is wanted; a data synchronization goes home. Raises InvalidArgument."""
    sync = of(options)
    if sync is None:
        _refuse_place(wanted, options)
        return wanted
    if sync is DataSync.DURING and options.get("location") is Location.ORIGINAL:
        raise errors.InvalidArgument(
            "With the data synchronization 'during' nothing is compared, so everything goes to new disks.",
            do="Leave --location out, or synchronize before the failover: '--data-sync before'.",
        )
    if wanted.direction is Direction.AWAY:
        raise errors.InvalidArgument(
            "A data synchronization is for the way home, not away.",
            do="Leave --data-sync out; or give '--direction home'.",
        )
    if sync is DataSync.DURING and options.get("choice") not in (None, RecoveryPointChoice.LATEST):
        raise errors.InvalidArgument(
            "With the data synchronization 'during' only the last state can be chosen.",
            do="Leave --choice out, or synchronize before the failover.",
        )
    return replace(wanted, direction=Direction.HOME)


def _refuse_place(wanted: RunRequest, options: Mapping[str, object]) -> None:
    if wanted.verb is Verb.PLANNED_FAILOVER and any(options.get(each) is not None for each in PLACE):
        raise errors.InvalidArgument(
            "A location, an appliance and a store are for a data synchronization: what is protected has its "
            "place already.",
            do="Leave them out; or give '--data-sync before', for machines that were not reprotected.",
        )


def reprotect(options: Mapping[str, object], machine_id: str) -> rest.Reprotect:
    """The request with which a machine of a run with these options is reprotected."""
    given = {each: options[each] for each in PLACE if options.get(each) is not None}
    sync = of(options) or DataSync.BEFORE
    return rest.Reprotect.model_validate(
        {"location": unsynchronized_failback.LOCATIONS[sync], **given, "machines": (machine_id,)}
    )


def is_committed_away(machine: MachineRecord) -> bool:
    """Whether the machine runs away from home, and has to be reprotected before it can come back."""
    is_at_rest = machine.state is State.COMMITTED and machine.drill_state is DrillState.NONE
    return is_at_rest and not machine.reversed


def as_it_goes(
    tx: Transaction,
    machine: MachineRecord,
    direction: Direction,
    options: Mapping[str, object] = NO_OPTIONS,
) -> MachineRecord:
    """The machine as a run in that direction, with these options, takes it: one that was committed away from
    home, and comes home, in the roles that its reprotect gives it. Raises as its reprotect would."""
    if direction is Direction.AWAY or not is_committed_away(machine):
        return machine
    goes = unsynchronized_failback.as_it_goes(tx, machine, reprotect(options, machine.id))
    return replace(goes, state=State.PROTECTED)


def require(plan: RecoveryPlan, machines: Sequence[MachineRecord]) -> None:
    """Raises NotPossibleNow if none of the machines has to be synchronized."""
    if not any(map(is_committed_away, machines)):
        raise errors.NotPossibleNow(
            f"No machine of plan '{plan.name}' that comes home has to be synchronized: all are protected.",
            do=f"Leave --data-sync out: 'secondsite plan planned-failover {shell.arguments(plan.name)}'.",
        )


def synchronization(
    sync: DataSync,
    choice: RecoveryPointChoice,
    machines: Sequence[MachineRecord],
    options: Mapping[str, object],
) -> Synchronization:
    """What the run keeps of the machines as they are now."""
    asked = reprotect(options, machines[0].id)
    return Synchronization(
        location=asked.location,
        target_appliance=asked.target_appliance,
        store=asked.store,
        data_sync=sync,
        choice=choice,
        committed=tuple(each.id for each in machines if is_committed_away(each)),
        epochs={each.id: each.epoch + is_committed_away(each) for each in machines},
    )


def later_children(tx: Transaction, machines: Sequence[MachineRecord]) -> dict[str, BatchChild]:
    """For `before`: children that get their arguments once all are synchronized. Until then they name the
    machines, and the numbers that these have now."""
    highest = authority.highest_of(tx, machines, Verb.PLANNED_FAILOVER)
    return {
        each.id: batch.child(Verb.PLANNED_FAILOVER, each.id, each.name, None, highest[each.id])
        for each in machines
    }


def sent_children(
    tx: Transaction, machines: Sequence[MachineRecord], options: Mapping[str, object]
) -> dict[str, BatchChild]:
    """For `during`: the failback of each machine that has to be synchronized, which is shut down, sent and
    started by one job."""
    place = {each: options.get(each) for each in PLACE}
    asked = PlannedFailoverOptions.model_validate(place)
    return {
        each.id: _sent(unsynchronized_failback.arguments(tx, each, DataSync.DURING, asked))
        for each in machines
        if is_committed_away(each)
    }


def _sent(wanted: unsynchronized_failback.FailbackArguments) -> BatchChild:
    child = batch.child(wanted.verb, wanted.machine_id, wanted.name, wanted, wanted.asked_at)
    return child.model_copy(update={"job": unsynchronized_failback.FAILBACK})
