"""Drift: what has changed in a machine since a test failover passed.

Nothing is compared for a machine that runs at its second site: there it is meant to differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ....domain.amounts import exact_size
from ....ground.plural import counted
from ....wire.common.base import Shape
from ....wire.common.hooks import MachineHook
from ....wire.common.machines import DiskDefinition, MachineDefinition
from ...store import DriftRecord, MachineRecord, ProvenRecord, Transaction

MOST_CHANGES = 20
PLAIN = ("vcpus", "memory_bytes", "firmware")


def now(tx: Transaction, machine: MachineRecord, at: datetime) -> ProvenRecord:
    """The proven state of a machine whose drill passed; an older appliance does not report the machine's
    definition in its point."""
    drilled = machine.drill.definition if machine.drill else None
    definition = (drilled or machine.definition).model_copy(update={"native": ""})
    return ProvenRecord(
        at=at,
        definition=definition,
        properties=tx.properties.find(machine.id),
        cards=tuple(tx.settings.cards(machine.id)),
        plans=_plans(tx, machine),
        hooks=tuple(tx.hooks.find(machine.id)),
    )


def drift(
    tx: Transaction, machine: MachineRecord, there: MachineDefinition | None, at: datetime
) -> DriftRecord | None:
    """What has changed since then; `there`: the present definition at its site. What is not known counts as
    unchanged."""
    proven = machine.proven_as
    if proven is None or machine.is_away:
        return None
    present = ProvenRecord(
        at=at,
        definition=_without_left_out(machine, there or proven.definition),
        properties=tx.properties.find(machine.id),
        cards=tuple(tx.settings.cards(machine.id)),
        plans=_plans(tx, machine),
        hooks=tuple(tx.hooks.find(machine.id)),
    )
    before = replace(proven, definition=_without_left_out(machine, proven.definition))
    found = tuple(changes(before, present))
    if there is None and machine.drift is not None:
        return machine.drift
    since = machine.drift.since if machine.drift is not None else at
    return DriftRecord(since, _short(found)) if found else None


def _without_left_out(machine: MachineRecord, definition: MachineDefinition) -> MachineDefinition:
    """The definition without disks that were left out: not every definition has them."""
    kept = tuple(disk for disk in definition.disks if disk.key not in machine.left_out)
    return definition.model_copy(update={"disks": kept})


def changes(before: ProvenRecord, after: ProvenRecord) -> Iterator[str]:
    """The changes as parts of a sentence. Pure."""
    yield from _hardware(before.definition, after.definition)
    yield from _disks(before.definition, after.definition)
    yield from _cards(before.definition, after.definition)
    yield from _set("at the second site", before.properties, after.properties)
    yield from _of_cards(before, after)
    yield from _in_plans(before.plans, after.plans)
    if before.hooks is not None and after.hooks is not None:
        yield from _hooks(before.hooks, after.hooks)


def _hardware(before: MachineDefinition, after: MachineDefinition) -> Iterator[str]:
    for name in PLAIN:
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            yield f"{_called(name)} {_value(name, was)} became {_value(name, is_now)}"


def _disks(before: MachineDefinition, after: MachineDefinition) -> Iterator[str]:
    was, is_now = ({disk.key: disk for disk in each.disks} for each in (before, after))
    yield from (f"disk {key} is new" for key in is_now if key not in was)
    yield from (f"disk {key} is gone" for key in was if key not in is_now)
    for key in was:
        if key in is_now:
            yield from _disk(was[key], is_now[key])


def _disk(was: DiskDefinition, is_now: DiskDefinition) -> Iterator[str]:
    if was.size_bytes != is_now.size_bytes:
        yield f"disk {was.key} has {exact_size(is_now.size_bytes)} instead of {exact_size(was.size_bytes)}"
    if was.bus != is_now.bus:
        yield f"disk {was.key} is on {is_now.bus} instead of {was.bus}"


def _cards(before: MachineDefinition, after: MachineDefinition) -> Iterator[str]:
    was, is_now = ({nic.mac.lower(): nic for nic in each.nics} for each in (before, after))
    yield from (f"card {mac} is new" for mac in is_now if mac not in was)
    yield from (f"card {mac} is gone" for mac in was if mac not in is_now)
    for mac in was:
        if mac in is_now and (was[mac].network, was[mac].vlans) != (is_now[mac].network, is_now[mac].vlans):
            yield (
                f"card {mac} is on {is_now[mac].network or 'nothing'} instead of "
                f"{was[mac].network or 'nothing'}"
            )


def _of_cards(before: ProvenRecord, after: ProvenRecord) -> Iterator[str]:
    was, is_now = ({card.mac.lower(): card for card in each.cards} for each in (before, after))
    if was != is_now:
        macs = sorted(mac for mac in {*was, *is_now} if was.get(mac) != is_now.get(mac))
        yield f"what is set for {counted(len(macs), 'card')} at the second site ({', '.join(macs)})"


def _set(where: str, before: Shape, after: Shape) -> Iterator[str]:
    was, is_now = before.model_dump(), after.model_dump()
    for name in was:
        if was[name] != is_now[name]:
            yield f"{_called(name)} {where}: {_value(name, was[name])} became {_value(name, is_now[name])}"


def _in_plans(was: Mapping[str, int], is_now: Mapping[str, int]) -> Iterator[str]:
    yield from (f"it is in plan {name} now" for name in is_now if name not in was)
    yield from (f"it is no longer in plan {name}" for name in was if name not in is_now)
    for name in was:
        if name in is_now and was[name] != is_now[name]:
            yield f"it is in group {is_now[name]} of plan {name} instead of {was[name]}"


def _hooks(before: Sequence[MachineHook], after: Sequence[MachineHook]) -> Iterator[str]:
    was, is_now = ({hook.name: hook for hook in each} for each in (before, after))
    yield from (f"hook {name} is new" for name in is_now if name not in was)
    yield from (f"hook {name} is gone" for name in was if name not in is_now)
    stays = [name for name in was if name in is_now]
    yield from (f"hook {name} is another one" for name in stays if was[name] != is_now[name])
    if stays != [name for name in is_now if name in was]:
        yield "its hooks run in another order"


def _plans(tx: Transaction, machine: MachineRecord) -> Mapping[str, int]:
    """The number of the machine's group in each plan that it is in."""
    return {
        record.name: number
        for record in tx.plans.list()
        for number, group in enumerate(record.plan.groups, start=1)
        if machine.id in [each.id for each in group.machines]
    }


def _called(name: str) -> str:
    return {"vcpus": "vCPUs", "memory_bytes": "memory", "target_name": "name", "cpu_model": "CPU model"}.get(
        name, name.removesuffix("_seconds").replace("_", " ")
    )


def _value(name: str, value: int | str | None) -> str:
    if value is None:
        return "as at home"
    return exact_size(value) if name == "memory_bytes" and isinstance(value, int) else str(value)


def _short(found: tuple[str, ...]) -> tuple[str, ...]:
    left = len(found) - MOST_CHANGES
    return found if left <= 0 else (*found[:MOST_CHANGES], f"{left} more")
