"""Is a machine that its source's appliance does not have at another host of that site? It was migrated there,
and is not followed yet: a verb that took it for gone would start a second copy, or leave our marks on it."""

from dataclasses import replace

from ....domain import errors, shell
from ....jobs.model.context import StepContext
from ....wire.common.machines import PowerState
from ...store import ApplianceRecord, MachineRecord
from .orders import Orders
from .source import TOLD_IN_PASSING, Source

AWAY = frozenset({PowerState.MISSING, PowerState.ELSEWHERE})


def require_none_has_it(verb: str, give: Orders, ctx: StepContext, machine: MachineRecord) -> None:
    """Raises PrerequisiteFailed if the machine is on at another host of its source site. Only appliances that
    are connected are asked, and only where a site has several: nobody waits for a site that is gone."""
    deps = give.deps
    with deps.store.reading() as tx:
        there = tx.appliances.list(machine.source_site)
    others = [each for each in there if each.id != machine.source_appliance_id]
    others = [each for each in others if deps.gateway.is_connected(each.id)]
    if not others or _power(give, ctx, machine, machine.source_appliance_id) not in (*AWAY, None):
        return
    for each in others:
        power = _power(give, ctx, machine, each.id)
        if power is not None and power.is_on:
            raise _is_there(verb, machine, each)


def _power(give: Orders, ctx: StepContext, machine: MachineRecord, appliance_id: str) -> PowerState | None:
    """None: it does not say."""
    at = Source(give, ctx, replace(machine, source_appliance_id=appliance_id))
    try:
        return PowerState(at.power(TOLD_IN_PASSING).facts.power)
    except (errors.SecondsiteError, ValueError):
        return None


def _is_there(verb: str, machine: MachineRecord, at: ApplianceRecord) -> errors.PrerequisiteFailed:
    return errors.PrerequisiteFailed(
        f"{verb} of {machine.name} was not started: it was migrated to the host of appliance '{at.name}' of "
        f"{at.site}, where it is on, and its replication does not come from there yet.",
        do=f"Wait some seconds, until 'secondsite machine show {shell.arguments(machine.name)}' names that "
        "appliance as its source, then start the verb again.",
    )
