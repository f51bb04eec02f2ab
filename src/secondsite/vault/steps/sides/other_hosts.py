"""The other hosts of a site. Is a machine there that its appliance does not have? It was migrated there, and
is not followed yet: a verb that took it for gone would start a second copy, or leave our marks on it. And a
definition that a migration left there must not start once the machine is at the other site."""

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
    others = _others(give, machine.source_site, machine.source_appliance_id)
    if not others or _power(give, ctx, machine, machine.source_appliance_id) not in (*AWAY, None):
        return
    for each in others:
        power = _power(give, ctx, machine, each.id)
        if power is not None and power.is_on:
            raise _is_there(verb, machine, each)


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
