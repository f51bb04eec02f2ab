"""What an appliance keeps for a vault that would come after this one: of its machines, and of what is set for many of them."""

from collections.abc import Mapping, Sequence

from ...domain.lifecycle import State
from ...wire.common.bandwidth import BandwidthShape
from ...wire.common.cards import CardSettings
from ...wire.common.policies import PolicyShape
from ...wire.common.properties import TargetProperties
from ...wire.control import adopting
from ..store import ApplianceRecord, MachineRecord, Transaction

_OTHERWISE = {"keeping", "cards", "checks", "hooks", "properties"}
_AS_IT_IS = tuple(name for name in adopting.KeptRecord.model_fields if name not in _OTHERWISE)
"""What stands in a machine's own record."""


def records(tx: Transaction, appliance: ApplianceRecord) -> tuple[adopting.KeptRecord, ...]:
    """Of the machines that the appliance is target or source of."""
    machines = [
        each
        for each in tx.machines.list(appliance.site)
        if appliance.id in (each.target_appliance_id, each.source_appliance_id)
        and each.state is not State.ENABLING
    ]
    if not machines:
        return ()
    cards = {each.machine_id: each.cards for each in tx.settings.list()}
    wanted = {each.machine_id: each.properties for each in tx.properties.list()}
    return tuple(_record(tx, each, cards, wanted) for each in machines)


def _record(
    tx: Transaction,
    machine: MachineRecord,
    cards: Mapping[str, Sequence[CardSettings]],
    wanted: Mapping[str, TargetProperties],
) -> adopting.KeptRecord:
    same = {name: getattr(machine, name) for name in _AS_IT_IS}
    return adopting.KeptRecord(
        **same,
        keeping=dict(machine.keeping),
        cards=tuple(cards.get(machine.id, ())),
        checks=tuple(tx.checks.find(machine.id)),
        hooks=tuple(tx.hooks.find(machine.id)),
        properties=wanted.get(machine.id, TargetProperties()),
    )


def vault(tx: Transaction, of: Sequence[adopting.KeptRecord]) -> adopting.KeptVault:
    """What is set for many machines, as far as these use it."""
    ids = {each.id for each in of}
    sites = {site for each in of for site in (each.home_site, each.source_site, each.target_site)}
    appliances = {each for one in of for each in (one.source_appliance_id, one.target_appliance_id)}
    groups = {each.group for each in of}
    return adopting.KeptVault(
        sites=tuple(
            adopting.KeptSite(name=each.name, bandwidth=BandwidthShape.of(each.bandwidth))
            for each in tx.sites.list()
            if each.name in sites
        ),
        appliances=tuple(
            adopting.KeptAppliance(id=each.id, name=each.name, site=each.site)
            for each in tx.appliances.list()
            if each.id in appliances
        ),
        policies=tuple(
            adopting.KeptPolicy(policy=PolicyShape.of(policy), read_only=read_only)
            for policy, read_only in tx.policies.list()
        ),
        groups=tuple(each.group for each in tx.groups.list() if each.name in groups),
        plans=tuple(
            each.plan for each in tx.plans.list() if any(one.id in ids for one in each.plan.machines)
        ),
        mappings=tuple(
            adopting.KeptMapping(**each.model_dump())
            for each in tx.networks.list()
            if each.source_site in sites and each.target_site in sites
        ),
    )
