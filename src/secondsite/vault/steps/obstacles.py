"""Obstacles that prerequisites checks found: what blocks a verb, and warnings."""

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from ...domain import advice, errors, health, lifecycle, power_states, shell
from ...ground.plural import counted
from ...jobs.model.outcomes import Commit
from ...wire.common.machines import WRITES
from ...wire.control.checks import Obstacles, ObstacleShape
from ...wire.control.statuses import ReplicaStatus, SourceStatus
from ..store import MachineRecord, Transaction, WarnedRecord
from .deps import Deps

TAKES_OVER = "take it over: 'secondsite machine failover "
"""In the advice of an obstacle that no retry gets past: only that command is not refused for it."""
RETRIED = "Fix what is named, then retry the job."
TYPED_INSTEAD = "Type what is named instead: a retry of this job would be refused again."


def require_none(verb: str, name: str, *found: Obstacles) -> str:
    """The warnings as the end of the check's sentence, '' without any. Raises PrerequisiteFailed naming every
    obstacle that blocks, each as 'what do'."""
    blocking = [_sentence(each) for some in found for each in some.obstacles if each.blocking]
    if blocking:
        raise errors.PrerequisiteFailed(
            f"{verb} of {name} was not started: {' | '.join(blocking)}",
            do=TYPED_INSTEAD if any(TAKES_OVER in each for each in blocking) else RETRIED,
        )
    sentences = warnings(*found)
    return f"; {counted(len(sentences), 'warning')}: {' | '.join(sentences)}" if sentences else ""


def warnings(*found: Obstacles) -> tuple[str, ...]:
    """The obstacles that do not block, each as 'what do'."""
    return tuple(_sentence(each) for some in found for each in some.obstacles if not each.blocking)


def _sentence(obstacle: ObstacleShape) -> str:
    return f"{obstacle.what} {obstacle.do}"


def warned(machine: MachineRecord, now: datetime, *found: Obstacles) -> MachineRecord:
    """The machine's record with these warnings in place of earlier ones."""
    of_power, others = {}, []
    for each in (each for some in found for each in some.obstacles if not each.blocking):
        if each.about in power_states.AT_REST:
            of_power[each.about] = _sentence(each)
        else:
            others.append(_sentence(each))
    there = WarnedRecord(now, tuple(others), of_power) if of_power or others else None
    return replace(machine, warned=there)


NOTHING = Obstacles()


def passed(
    deps: Deps, verb: str, machine: MachineRecord, *found: Obstacles, told: Obstacles = NOTHING
) -> tuple[str, Commit]:
    """The end of the check's sentence, and a commit that makes its warnings a finding, except those that are
    only `told`; raises PrerequisiteFailed for obstacles that block."""
    said = require_none(verb, machine.name, *found, told)

    def keep(tx: Transaction) -> None:
        tx.machines.put(warned(tx.machines.get(machine.id), deps.now(), *found))

    return said, deps.commit(keep)


def require_whole(verb: str, name: str, power: str, *, old_copy: bool = False) -> None:
    """Raises PrerequisiteFailed if the disks alone are not the machine, since its memory is saved or it runs
    elsewhere; or if its guest cannot react. For an `old_copy`, whose machine runs at the other site, the
    advice never starts it."""
    with _not_started(verb, name):
        power_states.require_able(power, name, old_copy=old_copy)


def require_at_rest(verb: str, name: str, power: str) -> None:
    """Raises PrerequisiteFailed if the machine's memory is saved, or it runs elsewhere."""
    with _not_started(verb, name):
        power_states.obstacle(power, name)


@contextlib.contextmanager
def _not_started(verb: str, name: str) -> Iterator[None]:
    try:
        yield
    except errors.NotPossibleNow as problem:
        raise errors.PrerequisiteFailed(
            f"{verb} of {name} was not started: {problem.message}", do=problem.do
        ) from problem


def require_its_epoch(deps: Deps, verb: str, machine: MachineRecord) -> None:
    """Raises PrerequisiteFailed if the appliance that has the machine is connected and reports that it
    replicates it in a later epoch: then the target of this record is one that the machine has left, as after
    a new vault adopted only that one, or after a vault was restored from before a move. One that is gone is
    not asked. A copy on a replica of the record's own epoch can be taken over all the same."""
    with deps.store.reading() as tx:
        known = tx.statuses.without_points(machine.id)
    source, replica = known.source, known.replica
    ahead = 0 if source is None else source.epoch - machine.epoch
    takes_over = replica is not None and replica.epoch == machine.epoch and "failover" in replica.runs
    if ahead <= 0 or takes_over:
        return
    has_turned = bool(ahead % 2)
    if has_turned:
        site, appliance_id = machine.target_site, machine.target_appliance_id
    else:
        site, appliance_id = machine.source_site, machine.source_appliance_id
    if not deps.gateway.is_connected(appliance_id):
        return
    raise errors.PrerequisiteFailed(
        f"{verb} of {machine.name} was not started: {site} replicates it in its epoch "
        f"{machine.epoch + ahead}, but the replica that this vault knows at {machine.target_site} is of "
        f"epoch {machine.epoch}: the machine has left it.",
        do=_overtaken(machine, site, has_turned=has_turned),
    )


def require_no_second_copy(deps: Deps, tx: Transaction, machine: MachineRecord) -> None:
    """For a retry of an unplanned failover, which nobody is asked about. Raises PrerequisiteFailed if the
    machine runs at its source: its appliance is connected and says so. One that is gone is not asked."""
    known = tx.statuses.without_points(machine.id)
    power = None if known.source is None else known.source.power
    if power not in WRITES or not deps.gateway.is_connected(machine.source_appliance_id):
        return
    instead = advice.before_a_second_copy(
        _advised(machine),
        machine.source_site,
        moves=power not in power_states.OBSTACLES and deps.gateway.is_connected(machine.target_appliance_id),
        copied=known.replica is not None and "failover" in known.replica.runs,
    )
    quoted = shell.arguments(machine.name, options=f"--while-running {shlex.quote(machine.name)}")
    raise errors.PrerequisiteFailed(
        f"The failover of {machine.name} was not retried: it runs at {machine.source_site} now, and would go "
        f"on there. With its copy at {machine.target_site} two of it would write, and what one of them "
        "writes is lost later.",
        do=f"{instead} If a second copy is meant, start it anew: 'secondsite machine failover {quoted}'.",
    )


def _overtaken(machine: MachineRecord, site: str, *, has_turned: bool) -> str:
    """The way on for a record that the machine's appliances have overtaken."""
    if has_turned:
        return (
            f"Adopt the appliance of {machine.source_site}, where its replica is now, then that of {site} "
            "('secondsite vault adopt APPLIANCE'): the machine is taken over as it is."
        )
    return (
        f"If machines were adopted, adopt the appliance of {site}, too ('secondsite vault adopt "
        "APPLIANCE'). If the replica was put back from a copy: 'secondsite machine resynchronize "
        f"{shell.arguments(machine.name)}'."
    )


def reported(tx: Transaction, machine: MachineRecord) -> Obstacles:
    """What both appliances report as wrong with the machine, and with their stores (S-194): reported before a
    move, but not a reason against it, since the move may be the way out."""
    known = tx.statuses.without_points(machine.id)
    sides = ((machine.source_site, known.source), (machine.target_site, known.replica))
    own = (each for site, side in sides for each in _of_side(machine, site, side))
    stores = _of_stores(tx, machine.source_appliance_id, machine.target_appliance_id)
    return Obstacles(obstacles=(*own, *stores))


def stays_behind(tx: Transaction, machine: MachineRecord) -> Obstacles:
    """What a failover gives up of a machine whose memory is saved, as far as the vault knows: a site that is
    gone is not asked."""
    source = tx.statuses.without_points(machine.id).source
    if source is None or source.epoch != machine.epoch or source.power != power_states.SAVED:
        return NOTHING
    what, do = power_states.stays_behind(machine.name, machine.source_site, machine.target_site)
    return Obstacles(obstacles=(ObstacleShape(what=what, do=do, blocking=False),))


def reported_before_return(tx: Transaction, machine: MachineRecord, coming_appliance_id: str) -> Obstacles:
    """As `reported`, for a machine that runs at its target: the last report of its old site is out of
    date."""
    own = _of_side(machine, machine.target_site, tx.statuses.without_points(machine.id).replica)
    return Obstacles(obstacles=(*own, *_of_stores(tx, machine.target_appliance_id, coming_appliance_id)))


def _of_side(
    machine: MachineRecord, site: str, side: SourceStatus | ReplicaStatus | None
) -> Iterator[ObstacleShape]:
    for each in side.findings if side is not None and side.epoch == machine.epoch else ():
        yield ObstacleShape(what=f"At {site}: {each.what}", do=_advice(each.code, machine), blocking=False)


def _of_stores(tx: Transaction, *appliance_ids: str) -> Iterator[ObstacleShape]:
    known = (tx.appliances.find(each) for each in dict.fromkeys(appliance_ids))
    for appliance in known:
        for store in appliance.stores if appliance is not None else ():
            if appliance is not None and store.problem is not None:
                yield ObstacleShape(
                    what=(
                        f"At {appliance.site}: store '{store.name}' of appliance '{appliance.name}' is not "
                        f"in order: {store.problem}"
                    ),
                    do=f"Repair it there; 'secondsite site show {appliance.site}' shows its stores.",
                    blocking=False,
                )


def _advice(code: str, machine: MachineRecord) -> str:
    """The advice for a finding. A newer appliance may report codes that this vault does not know."""
    if code not in health.CATALOGUE:
        return f"See 'secondsite machine show {shell.arguments(machine.name)}'."
    return advice.advice(code, _advised(machine))


def _advised(machine: MachineRecord) -> advice.AdvisedMachine:
    """The machine in the state that the verb was started in."""
    found_in = machine.came_from if lifecycle.is_moving(machine.state) else None
    state = found_in or machine.state
    return advice.AdvisedMachine(
        machine.name,
        machine.target_site,
        state,
        machine.drill_state,
        machine.target_fabric_id,
        hypervisor=machine.hypervisor_at_target,
        old_hypervisor=machine.hypervisor_at_source,
    )
