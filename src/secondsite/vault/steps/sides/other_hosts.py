"""The other hosts of a site. Is a machine there that its appliance does not have? It was migrated there, and
is not followed yet: a verb that took it for gone would start a second copy, or leave our marks on it. And a
definition that a migration left there must not start once the machine is at the other site."""

from dataclasses import replace

from ....domain import errors, health, shell
from ....domain.lifecycle import State
from ....jobs.model.context import StepContext
from ....wire.common.machines import PowerState
from ....wire.control import orders
from ...store import ApplianceRecord, MachineRecord
from .orders import Orders
from .source import TOLD_IN_PASSING, Source

AWAY = frozenset({PowerState.MISSING, PowerState.ELSEWHERE})


def require_none_has_it(verb: str, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """Raises PrerequisiteFailed if the machine is on at another host of its source site. Only appliances that
    are connected are asked, and only where a site has several: nobody waits for a site that is gone."""
    at = _who_has_it(give, ctx, machine)
    if at is not None:
        raise _is_there(verb, machine, at)


def require_copy_not_moved(verb: str, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """The same for a machine that was failed over, and its target site."""
    at = _who_has_it(give, ctx, _at_target(machine), again=True)
    if at is not None:
        raise _moved(verb, machine, at)


def require_copy_here(verb: str, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """The same before a verb that starts or removes what was failed over. Raises PrerequisiteFailed, too,
    while nobody says where it is, and something has its disks open: neither could be done."""
    require_copy_not_moved(verb, give, ctx, machine)
    if not machine.start_ordered or not give.deps.gateway.is_connected(machine.target_appliance_id):
        return
    if _power(give, ctx, _at_target(machine), machine.target_appliance_id, True) is PowerState.ELSEWHERE:
        raise _open_elsewhere(verb, machine)


def require_not_alone(verb: str, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """Raises PrerequisiteFailed for a machine that came home and stands on its own disks: what removes it, or
    starts it from another point, would only fail, half-way."""
    if not machine.start_ordered or not give.deps.gateway.is_connected(machine.target_appliance_id):
        return
    told = _told(give, ctx, _at_target(machine), machine.target_appliance_id, True)
    if told is not None and told.stands_alone:
        raise _stands_alone(verb, machine)


def _at_target(machine: MachineRecord) -> MachineRecord:
    return replace(
        machine,
        source_site=machine.target_site,
        source_appliance_id=machine.target_appliance_id,
        source_fabric_id=machine.target_fabric_id,
    )


def _who_has_it(
    give: Orders, ctx: StepContext, machine: MachineRecord, *, again: bool = False
) -> ApplianceRecord | None:
    others = _others(give, machine.source_site, machine.source_appliance_id)
    if not others or _power(give, ctx, machine, machine.source_appliance_id, again) not in (*AWAY, None):
        return None
    powers = ((each, _power(give, ctx, machine, each.id, again)) for each in others)
    return next((each for each, power in powers if power is not None and power.is_on), None)


def keep_from_starting(give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """Have the other hosts of the source site keep a definition of the machine from starting that a live
    migration left there. Who is not connected, or does not answer at once, is told when it reports it
    (watch/left_definitions)."""
    for each in _others(give, machine.source_site, machine.source_appliance_id):
        Source(give, ctx, replace(machine, source_appliance_id=each.id)).pause_if_reachable()


def _others(give: Orders, site: str, but: str) -> list[ApplianceRecord]:
    """The other appliances of the site that are connected."""
    with give.deps.store.reading() as tx:
        there = tx.appliances.list(site)
    return [each for each in there if each.id != but and give.deps.gateway.is_connected(each.id)]


def _power(
    give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str, again: bool
) -> PowerState | None:
    """None: it does not say."""
    told = _told(give, ctx, machine, appliance_id, again)
    try:
        return None if told is None else PowerState(told.power)
    except ValueError:
        return None


def _told(
    give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str, again: bool
) -> orders.PowerFact | None:
    at = Source(give, ctx, replace(machine, source_appliance_id=appliance_id))
    asked, why = orders.FabricMachine(fabric_id=machine.source_fabric_id), f"looking for {machine.name}"
    try:
        return at.give(orders.POWER, asked, why, TOLD_IN_PASSING, again=again).facts
    except errors.SecondsiteError:
        return None


def _is_there(verb: str, machine: MachineRecord, at: ApplianceRecord) -> errors.PrerequisiteFailed:
    return errors.PrerequisiteFailed(
        f"{verb} of {machine.name} was not started: it was migrated to the host of appliance '{at.name}' of "
        f"{at.site}, where it is on, and its replication does not come from there yet.",
        do=f"Wait some seconds, until 'secondsite machine show {shell.arguments(machine.name)}' names that "
        "appliance as its source, then start the verb again.",
    )


def _moved(verb: str, machine: MachineRecord, at: ApplianceRecord) -> errors.PrerequisiteFailed:
    return errors.PrerequisiteFailed(
        f"{verb} of {machine.name} was not started: it is on at the host of appliance '{at.name}' of "
        f"{at.site}, and another appliance has its disks and points.",
        do="If it was migrated there, migrate it back to the host where it was started ('virsh migrate'). If "
        "that host was given up and has come back, shut this copy of it down there ('virsh shutdown'). Then "
        "start the verb again.",
    )


def _open_elsewhere(verb: str, machine: MachineRecord) -> errors.PrerequisiteFailed:
    return errors.PrerequisiteFailed(
        f"{verb} of {machine.name} was not started: at the host of its appliance at {machine.target_site} it "
        "is off, while another program, or another host that reaches the store, has its disks open.",
        do=shell.about(machine.name, health.CATALOGUE[health.ELSEWHERE].do),
    )


def _stands_alone(verb: str, machine: MachineRecord) -> errors.PrerequisiteFailed:
    return errors.PrerequisiteFailed(
        f"{verb} of {machine.name} was not started: it came home to its own disks, which have all that it "
        "wrote, and there is nothing else to go back to.",
        do=_onward(machine),
    )


def _onward(machine: MachineRecord) -> str:
    """After a planned failover that ended, or one that did not."""
    quoted = shell.arguments(machine.name)
    if machine.came_from is State.PLANNED_FAILED_OVER:
        return f"Commit it: 'secondsite machine commit {quoted}'."
    return (
        f"Start it there: 'secondsite machine failover {quoted}', which goes on with what is there; then "
        f"'secondsite machine commit {quoted}'."
    )
