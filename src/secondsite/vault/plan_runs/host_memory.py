"""Warnings before a run about hosts that have less memory than all its machines need there together."""

from ...domain.lifecycle import Verb
from ...domain.plans import host_memory
from ...domain.plans.host_memory import HostMemory, MemoryUse
from ...domain.plans.run_selection import RunSelection
from ..steps.sides import properties
from ..store import Transaction
from . import data_synchronization

STARTING = frozenset({Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER})


def warnings(tx: Transaction, verb: Verb, found: RunSelection) -> tuple[str, ...]:
    """A part of a sentence for each such host; none of a host whose appliance does not say what it has."""
    if verb not in STARTING:
        return ()
    groups = {machine.id: group.number for group in found.groups for machine in group.machines}
    uses: dict[str, list[MemoryUse]] = {}
    for record in tx.machines.several(sorted(groups)):
        machine = data_synchronization.as_it_goes(tx, record, found.direction)
        memory = properties.set_for(tx, machine).memory_bytes or machine.definition.memory_bytes
        uses.setdefault(machine.target_appliance_id, []).append(MemoryUse(groups[machine.id], memory))
    return host_memory.warnings(_hosts(tx), uses)


def _hosts(tx: Transaction) -> dict[str, HostMemory]:
    """The hosts that say what they have, by their appliances' ids."""
    return {
        each.id: HostMemory(each.name, each.capacity.memory_bytes, each.capacity.free_bytes)
        for each in tx.appliances.list()
        if each.capacity is not None
    }
