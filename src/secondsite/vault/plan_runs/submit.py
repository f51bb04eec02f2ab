"""From a request to the job of a plan's run: which machines it takes, in which direction, and from which
points.

Everything is decided in the transaction of the request. What is refused is refused before anything is
written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain import errors, verb_choices
from ...domain.drills.networks import CREATE
from ...domain.lifecycle import Verb
from ...domain.plans import run_selection
from ...domain.plans.actions import Action
from ...domain.plans.directions import Direction
from ...domain.plans.plan import PlanMachine, RecoveryPlan
from ...domain.plans.run_selection import MemberSituation, RunRequest, RunSelection, SelectedGroup
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...jobs.model.facts import to_json
from ...wire import rest
from ...wire.common.base import Shape
from ..operations.interface import Operation
from ..steps.batch import BatchChild
from ..steps.deps import Deps
from ..steps.gates import InTurn
from ..steps.operation import MachineOperation
from ..steps.points import choose_recovery_point
from ..steps.sides import properties
from ..store import MachineRecord, Transaction
from . import (
    cleanup,
    data_synchronization,
    networks,
    one_run_at_a_time,
    outstanding_groups,
    planned_phases,
    splitting,
    staying_open,
)
from .arguments import IN_ORDER, IN_PHASES, PLAN_RUN, PlanRunArguments, RunAction, RunGroup

REQUESTS: Mapping[Verb, type[rest.MachinesRequest]] = {
    Verb.TEST_FAILOVER: rest.TestFailover,
    Verb.CLEANUP_TEST_FAILOVER: rest.CleanupTestFailover,
    Verb.FAILOVER: rest.Failover,
    Verb.PLANNED_FAILOVER: rest.PlannedFailover,
    Verb.CHANGE_RECOVERY_POINT: rest.ChangeRecoveryPoint,
    Verb.COMMIT: rest.Commit,
    Verb.CANCEL_FAILOVER: rest.CancelFailover,
    Verb.REPROTECT: rest.Reprotect,
}
FROM_A_POINT = frozenset({Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER})
"""Verbs that need a recovery point of every machine (S-080)."""
STARTS_LATER = FROM_A_POINT
"""Verbs in which a machine with a start delay waits, while its group does not."""
GOES_IN_PHASES = frozenset({Verb.PLANNED_FAILOVER})
"""Verbs in which all machines are shut down before the first one starts."""


@dataclass(frozen=True, slots=True)
class PlanRunRequest:
    """A request for a run: the part of the plan, and the options of the verb for each of its machines."""

    plan: RecoveryPlan
    wanted: RunRequest
    options: Mapping[str, object]


def taken(tx: Transaction, asked: PlanRunRequest) -> RunSelection:
    """The machines that the run would take now. Raises as `run_selection.take`, and, before that,
    NotPossibleNow while the plan is being run, since its machines are moving then."""
    one_run_at_a_time.refuse_second(tx, asked.plan.name)
    there = {each.id: each for each in tx.machines.several([each.id for each in asked.plan.machines])}
    wanted = data_synchronization.part(asked.wanted, asked.options)
    if data_synchronization.of(asked.options) is not None:
        home = Direction.HOME
        there = {
            key: data_synchronization.as_it_goes(tx, each, home, asked.options) for key, each in there.items()
        }
    now = {each.id: _standing(each, there.get(each.id)) for each in asked.plan.machines}
    found = run_selection.take(asked.plan, now, wanted)
    return outstanding_groups.with_outstanding(tx, asked.plan, now, wanted, found)


def submit(
    deps: Deps, operation: Operation, tx: Transaction, asked: PlanRunRequest, requested_by: str
) -> rest.JobAccepted:
    """Submit the job of the run. Raises NotPossibleNow, NotFound or InvalidArgument before anything is
    written."""
    assert isinstance(operation, MachineOperation)
    tx.one_at_a_time(one_run_at_a_time.LOCK)
    arguments = _arguments(operation, tx, asked, taken(tx, asked), deps.now())
    job_id = deps.submit(
        tx.session, PLAN_RUN, subject=one_run_at_a_time.subject_of(asked.plan.name),
        subject_name=f"plan {asked.plan.name}", arguments=arguments,
        requested_by=requested_by,
    )  # fmt: skip
    return rest.JobAccepted(job_id=job_id)


def shut_down_order(asked: PlanRunRequest, found: RunSelection) -> tuple[int, ...]:
    """Numbers of the groups whose machines are shut down before any starts, in the order of their
    shutdown."""
    if not _goes_in_phases(asked):
        return ()
    return tuple(each.number for each in reversed(found.groups) if each.machines)


def _goes_in_phases(asked: PlanRunRequest) -> bool:
    return (
        asked.wanted.verb in GOES_IN_PHASES and data_synchronization.of(asked.options) is not DataSync.DURING
    )


def unsynchronized(tx: Transaction, asked: PlanRunRequest, found: RunSelection) -> Sequence[MachineRecord]:
    """Those of the machines that the run has to synchronize."""
    if data_synchronization.of(asked.options) is None:
        return ()
    return [each for each in _ordered(tx, found) if data_synchronization.is_committed_away(each)]


def warnings(
    tx: Transaction, verb: Verb, found: RunSelection, options: Mapping[str, object]
) -> tuple[str, ...]:
    """Warnings before the run begins."""
    apart = splitting.drilled_apart(tx, verb, found, _network(options))
    return (*_of_groups(tx, verb, found), *splitting.warnings(tx, verb, found), *apart)


def _network(options: Mapping[str, object]) -> str:
    """The network of a drill; a preview may have none."""
    return str(options.get("network") or CREATE)


def _of_groups(tx: Transaction, verb: Verb, found: RunSelection) -> tuple[str, ...]:
    """Warnings about members of a replication group that are not taken: they write on, so the last points of
    the others do not belong to theirs (S-078)."""
    if verb not in GOES_IN_PHASES:
        return ()
    groups = {str(each.group) for each in _ordered(tx, found) if each.group is not None}
    taken = {machine.id for group in found.groups for machine in group.machines}
    left = {
        name: [each.name for each in tx.groups.members(name) if each.id not in taken]
        for name in sorted(groups)
    }
    return tuple(
        (
            f"of replication group '{name}' these are not taken, and write on: "
            f"{run_selection.listed(members, ', ')}"
        )
        for name, members in left.items()
        if members
    )


def _standing(machine: PlanMachine, record: MachineRecord | None) -> MemberSituation:
    if record is None:
        return MemberSituation(machine)
    now = PlanMachine(record.id, record.name, record.source_site, record.target_site)
    way = Direction.HOME if record.reversed else Direction.AWAY
    return MemberSituation(now, record.state, record.drill_state, way)


def _arguments(
    operation: MachineOperation, tx: Transaction, asked: PlanRunRequest, found: RunSelection, now: datetime
) -> PlanRunArguments:
    machines, request = require(tx, asked, found), _request(asked, found)
    sync = data_synchronization.of(asked.options)
    children = _children(operation, tx, machines, request, now, asked.options)
    in_phases = _goes_in_phases(asked)
    going = {
        each.id: data_synchronization.as_it_goes(tx, each, found.direction, asked.options)
        for each in machines
    }
    groups = [_group(tx, each, children, going) for each in found.groups]
    clean_up = bool(asked.options.get("clean_up"))
    if clean_up:
        groups = list(map(cleanup.completed_by_run, groups))
    stay_open = bool(asked.options.get("stay_open"))
    if stay_open:
        groups = list(map(staying_open.awaited_by_run, groups))
    return PlanRunArguments(
        layout=IN_PHASES if in_phases else IN_ORDER,
        plan=asked.plan.name,
        verb=operation.verb,
        direction=found.direction,
        groups=tuple(in_turn(each, len(machines)) if in_phases else each for each in groups),
        left_out=found.left_out,
        warnings=warnings(tx, operation.verb, found, asked.options),
        apart=splitting.drilled_apart(tx, operation.verb, found, _network(asked.options)),
        beside=tuple(each.id for each in asked.plan.machines if each.id not in children),
        clean_up=clean_up,
        keep_if_failed=bool(asked.options.get("keep_if_failed")),
        stay_open=stay_open,
        networks_first=networks.are_first(operation.verb, groups),
        rto_goal_seconds=asked.plan.rto_goal_seconds,
        synchronization=None
        if sync is None
        else data_synchronization.synchronization(sync, _choice_of(request), machines, asked.options),
    )


def _children(
    operation: MachineOperation, tx: Transaction, machines: Sequence[MachineRecord],
    request: rest.MachinesRequest, now: datetime, options: Mapping[str, object],
) -> Mapping[str, BatchChild]:  # fmt: skip
    sync = data_synchronization.of(options)
    if sync is None:
        return moving_children(operation, tx, machines, request, now)
    if sync is DataSync.BEFORE:
        return data_synchronization.later_children(tx, machines)
    sent = data_synchronization.sent_children(tx, machines, options)
    protected = [each for each in machines if each.id not in sent]
    return {**sent, **_each(operation, tx, protected, request)}


def moving_children(
    operation: MachineOperation, tx: Transaction, machines: Sequence[MachineRecord],
    request: rest.MachinesRequest, now: datetime,
) -> Mapping[str, BatchChild]:  # fmt: skip
    """The jobs of the machines as they are now, by machine id. Raises as `operation.arguments`."""
    children = _each(operation, tx, machines, request)
    if operation.verb in GOES_IN_PHASES:
        children = _with_last_sets(children, choose_recovery_point.shared_by(tx, machines, now))
    return children


def _each(
    operation: MachineOperation, tx: Transaction, machines: Sequence[MachineRecord],
    request: rest.MachinesRequest,
) -> dict[str, BatchChild]:  # fmt: skip
    children = {each.machine_id: each for each in operation.children(tx, machines, request)}
    if operation.verb not in STARTS_LATER:
        return children
    return {each.id: _delayed(tx, each, children[each.id]) for each in machines}


def _choice_of(request: rest.MachinesRequest) -> RecoveryPointChoice:
    assert isinstance(request, rest.PlannedFailover)
    return request.choice


def require(tx: Transaction, asked: PlanRunRequest, found: RunSelection) -> Sequence[MachineRecord]:
    """The machines in their order. Raises NotPossibleNow or InvalidArgument if they cannot start from the
    chosen points."""
    ordered = _ordered(tx, found)
    _refuse_choice(asked.plan, ordered, _request(asked, found), found.direction)
    having = ordered
    if data_synchronization.of(asked.options) is not None:
        data_synchronization.require(asked.plan, ordered)
        having = [each for each in ordered if not data_synchronization.is_committed_away(each)]
    if asked.wanted.verb in FROM_A_POINT:
        _require_points(tx, asked.plan, having)
    return ordered


def _ordered(tx: Transaction, found: RunSelection) -> Sequence[MachineRecord]:
    ids = [machine.id for group in found.groups for machine in group.machines]
    records = {each.id: each for each in tx.machines.several(ids)}
    return [records[each] for each in ids]


def _request(asked: PlanRunRequest, found: RunSelection) -> rest.MachinesRequest:
    """A request with the run's options, without machines: a plan may have more than a request may name."""
    first = next(machine.id for group in found.groups for machine in group.machines)
    options = dict(asked.options)
    if asked.wanted.verb is Verb.PLANNED_FAILOVER:  # what is protected by then is only moved
        for key in (data_synchronization.OPTION, *data_synchronization.PLACE):
            options.pop(key, None)
    return REQUESTS[asked.wanted.verb].model_validate({**options, "machines": (first,)})


def _group(
    tx: Transaction,
    group: SelectedGroup,
    children: Mapping[str, BatchChild],
    going: Mapping[str, MachineRecord],
) -> RunGroup:
    first, *_ = group.machines or group.arrived
    where = _target_of(tx, first.id, going)
    return RunGroup(
        number=group.number,
        arrived=tuple(each.id for each in group.arrived),
        children=tuple(children[each.id] for each in group.machines),
        before=_actions(tx, group.before, where, going),
        after=_actions(tx, group.after, where, going),
    )


def in_turn(group: RunGroup, machines: int) -> RunGroup:
    """The group, whose machines wait for their turn, in a run of so many."""
    turn = to_json(InTurn(turn=planned_phases.turn_of(group.number, machines)))
    waiting = (each.given(**turn) for each in group.children)
    return group.model_copy(update={"children": tuple(waiting)})


def _actions(
    tx: Transaction, actions: Iterable[Action], where: str, going: Mapping[str, MachineRecord]
) -> tuple[RunAction, ...]:
    """The actions with their appliances: scripts of a group run at the target of its first machine; those in
    a guest at the guest's target."""
    return tuple(
        RunAction(
            name=each.name,
            instruction=each.instruction,
            script=each.script,
            timeout_seconds=each.timeout_seconds,
            at=_target_of(tx, each.guest, going) if each.guest is not None else where,
            guest=each.guest,
        )
        for each in actions
    )


def _target_of(tx: Transaction, machine_id: str, going: Mapping[str, MachineRecord]) -> str:
    machine = going.get(machine_id) or tx.machines.by_id(machine_id)
    return machine.target_appliance_id if machine else ""


def _delayed(tx: Transaction, machine: MachineRecord, child: BatchChild) -> BatchChild:
    seconds = properties.set_for(tx, machine).start_delay_seconds
    return child.given(start_delay_seconds=seconds) if seconds else child


def _with_last_sets(children: Mapping[str, BatchChild], sets: Mapping[str, str]) -> dict[str, BatchChild]:
    """All machines are off before one starts, so the last points of a whole replication group are a common
    one."""
    return {key: each.given(last_set=sets[key]) if key in sets else each for key, each in children.items()}


def _refuse_choice(
    plan: RecoveryPlan, machines: Sequence[MachineRecord], request: Shape, direction: Direction
) -> None:
    """Raises InvalidArgument: a point by its id belongs to one machine (S-070); common points need a machine
    that has some (S-068)."""
    if getattr(request, "choice", None) is RecoveryPointChoice.CUSTOM:
        raise errors.InvalidArgument(
            f"A named recovery point is for one machine only, not for plan '{plan.name}'.",
            do="Give another --choice, or start the verb for that machine.",
        )
    choose_recovery_point.require_common(machines, request, f"Plan '{plan.name}'")
    if isinstance(request, rest.PlannedFailover):
        comes_home, is_grouped = direction is Direction.HOME, any(each.group for each in machines)
        verb_choices.refuse_planned(
            request.choice,
            f"plan '{plan.name}'",
            comes_home=comes_home,
            possible=verb_choices.of_plan(Verb.PLANNED_FAILOVER, is_grouped, comes_home),
        )


def _require_points(tx: Transaction, plan: RecoveryPlan, machines: Sequence[MachineRecord]) -> None:
    having = tx.statuses.with_whole_points([each.id for each in machines])
    without = [each.name for each in machines if each.id not in having]
    if without:
        raise errors.NotPossibleNow(
            (
                f"Of plan '{plan.name}' these machines have no recovery point: "
                f"{run_selection.listed(without, ', ')}."
            ),
            do="Wait until each has its first one, or leave it out with --leave-out MACHINE.",
        )
