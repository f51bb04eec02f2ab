"""The hosts of a site as placement sees them, and the machines of a request as they are placed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ....domain import errors, placement, shell
from ....domain.lifecycle import Verb
from ....domain.machines import platforms
from ....domain.networks import portgroups
from ....domain.placement import PlacedMachine, PlacementHost
from ....ground.job_states import MOVING
from ....jobs.model.views import JobView
from ....jobs.storage import search
from ....wire.common.machines import MachineDefinition
from ....wire.common.properties import TargetProperties
from ....wire.common.stores import DEFAULT, believed
from ....wire.rest.places import NetworkMapping
from ...interfaces import Gateway
from ...store import ApplianceRecord, MachineRecord, Transaction
from .. import batch, lookup
from ..deps import Deps
from ..enabling import EnableArguments, PlacedAt
from .target import AS_AT_HOME

LOCK = "placement"
MOST_JOBS = 1000


def placed(deps: Deps, tx: Transaction, requests: Sequence[EnableArguments]) -> Sequence[EnableArguments]:
    """Requests for machines of one site, with where each is placed if there is a choice. A machine that the
    site's last inventory does not have is left to its check. Raises NotFound, and NotPossibleNow if no host
    takes one."""
    tx.one_at_a_time(LOCK)
    first = requests[0]
    hosts = of_site(deps, tx, first)
    known, accelerated = _inventory(tx, first.source_site), _accelerated(tx, first.source_site)
    machines = [
        machine(tx, each, known[each.machine], accelerated=accelerated)
        if len(hosts) > 1 and each.machine in known
        else PlacedMachine(each.machine, apart=each.apart, together=each.together)
        for each in requests
    ]
    chosen = placement.choose_all(machines, hosts)
    return [
        _placed_at(request, one, host) if len(hosts) > 1 and request.machine in known else request
        for request, one, host in zip(requests, machines, chosen, strict=True)
    ]


def chosen(
    deps: Deps, wanted: EnableArguments, found: MachineDefinition, source: ApplianceRecord
) -> tuple[ApplianceRecord, str]:
    """The appliance that will hold the machine's replica, and why, as a part of a sentence: the one where it
    was placed, unless that has gone away or was drained since. Raises as `placed`."""
    with deps.store.reading() as tx:
        at = wanted.placed
        kept = tx.appliances.find(at.appliance_id) if at is not None else None
        if at is not None and kept is not None and deps.gateway.is_connected(kept.id) and not kept.drained_at:
            return kept, at.said
        accelerated = bool(source.hello and source.hello.accelerated)
        hosts = of_site(deps, tx, wanted)
        one = machine(tx, wanted, found, accelerated=accelerated)
        host = placement.choose(one, hosts)
        said = placement.told(one, host.holding(one)) if len(hosts) > 1 else ""
        return lookup.appliance_named(tx, wanted.target_site, host.id), said


def of_site(deps: Deps, tx: Transaction, wanted: EnableArguments) -> Sequence[PlacementHost]:
    """The hosts on which the request's machine can be placed, with all that is placed there but the machine
    itself; only the named one, if one is. Without an alternative it is not judged what a host has; if none is
    connected, or has the store, the check waits, or says so. Raises NotFound."""
    able = _able(tx, wanted.target_site, wanted.target_appliance_id)
    if len(able) > 1 or wanted.apart is not None:
        hosts = with_their_machines(
            deps.gateway, tx, wanted.target_site, able, wanted.store, wanted.machine_id
        )
    else:
        hosts = tuple(_host(deps.gateway, each, wanted.store) for each in able)
    if len(hosts) == 1:
        return (hosts[0].not_judged(),)
    any_connected, any_has_it = any(each.connected for each in hosts), any(each.has_store for each in hosts)
    return tuple(
        replace(
            each,
            connected=each.connected or not any_connected,
            has_store=each.has_store or not any_has_it,
        )
        for each in hosts
    )


def with_their_machines(
    gateway: Gateway,
    tx: Transaction,
    site: str,
    able: Sequence[ApplianceRecord],
    store: str | None = None,
    but: str = "",
) -> tuple[PlacementHost, ...]:
    """These hosts of a site, with all that is placed there but one machine."""
    there = {each.id: _host(gateway, each, store) for each in able}
    for appliance_id, each in (*_already(tx, site, but), *_coming(tx, but)):
        if appliance_id in there:
            there[appliance_id] = there[appliance_id].holding(each)
    return tuple(there.values())


def as_placed(tx: Transaction, records: Sequence[MachineRecord]) -> Sequence[PlacedMachine]:
    """Protected machines as they are placed at hosts of their target, where their disks lie already."""
    known, mappings = _properties(tx), tx.networks.list()
    return [_with_networks(each, known.get(each.id, AS_AT_HOME), mappings) for each in records]


def _with_networks(
    record: MachineRecord, own: TargetProperties, mappings: Sequence[NetworkMapping]
) -> PlacedMachine:
    way = (record.source_site, record.target_site)
    return PlacedMachine(
        record.name,
        (None if record.reversed else own.memory_bytes) or record.definition.memory_bytes,
        networks=_mapped(
            record.definition, [each for each in mappings if (each.source_site, each.target_site) == way]
        ),
        apart=own.apart,
        together=own.together,
    )


def _able(tx: Transaction, site: str, named: str | None) -> Sequence[ApplianceRecord]:
    if named is not None:
        return (lookup.appliance_named(tx, site, named),)
    known = lookup.appliances_of(tx, site)
    able = [each for each in known if platforms.is_known(each.hello.fabric_kind if each.hello else None)]
    return able or known


def _inventory(tx: Transaction, site: str) -> Mapping[str, MachineDefinition]:
    """The machines that the site had when it was last asked, by id and by name."""
    last = tx.inventories.find(site)
    found = last.inventory.machines if last is not None else ()
    by_name = {each.name: each.definition for each in found}
    return by_name | {each.fabric_id: each.definition for each in found}


def _accelerated(tx: Transaction, site: str) -> bool:
    return any(each.hello is not None and each.hello.accelerated for each in tx.appliances.list(site))


def _placed_at(request: EnableArguments, one: PlacedMachine, host: PlacementHost) -> EnableArguments:
    at = PlacedAt(
        appliance_id=host.id,
        memory_bytes=one.memory_bytes,
        disk_bytes=one.disk_bytes,
        said=placement.told(one, host),
    )
    return request.model_copy(update={"placed": at})


def machine(
    tx: Transaction, wanted: EnableArguments, found: MachineDefinition, *, accelerated: bool
) -> PlacedMachine:
    """A machine that is to be protected. `accelerated`: it runs on KVM where it is."""
    mappings = tx.networks.list(wanted.source_site, wanted.target_site)
    disks = (each.size_bytes for each in found.disks if not wanted.disks or each.key in wanted.disks)
    return PlacedMachine(
        name=found.name,
        memory_bytes=found.memory_bytes,
        disk_bytes=sum(disks),
        accelerated=accelerated,
        networks=_mapped(found, mappings),
        apart=wanted.apart,
        together=wanted.together,
    )


def _mapped(found: MachineDefinition, mappings: Sequence[NetworkMapping]) -> frozenset[str]:
    by_name = {each.source_network: each.target_network for each in mappings}
    becomes = (portgroups.mapped(nic.network, by_name) for nic in found.nics)
    return frozenset(each for each in becomes if each is not None)


def require_apart(tx: Transaction, record: MachineRecord, word: str | None) -> None:
    """Raises NotPossibleNow if the machine's host at the second site has another one of this word."""
    if word is None:
        return
    tx.one_at_a_time(LOCK)
    at, known = second_appliance(record), _properties(tx)
    for other in tx.machines.list():
        own = known.get(other.id, AS_AT_HOME)
        if other.id != record.id and own.apart == word and second_appliance(other) == at:
            appliance = tx.appliances.find(at)
            raise errors.NotPossibleNow(
                f"{record.name} is to be kept apart from others of '{word}', and {other.name} is at the same "
                f"host, that of appliance '{appliance.name if appliance else at}'.",
                do="Where hosts share a store: 'secondsite machine move-replica "
                f"{shell.arguments(other.name)}'. Else 'secondsite machine disable-protection "
                f"{shell.arguments(record.name)}', and protect it anew with '--apart {word}'.",
            )


def second_appliance(record: MachineRecord) -> str:
    """The appliance that has the machine at its second site."""
    return record.source_appliance_id if record.reversed else record.target_appliance_id


def _host(gateway: Gateway, appliance: ApplianceRecord, store: str | None) -> PlacementHost:
    has, free = appliance.capacity, _free(appliance, store)
    return PlacementHost(
        id=appliance.id,
        name=appliance.name,
        connected=gateway.is_connected(appliance.id),
        drained=appliance.drained_at is not None,
        has_store=free is not None,
        memory_bytes=has.memory_bytes if has else None,
        left_bytes=has.free_bytes if has else None,
        store_free_bytes=free or 0,
        accelerated=bool(appliance.hello and appliance.hello.accelerated),
        networks=frozenset(has.networks) if has else None,
    )


def _free(appliance: ApplianceRecord, store: str | None) -> int | None:
    """Free space of the wanted store; None if the appliance does not have it."""
    if store in (None, DEFAULT):
        return believed(appliance.store_free_bytes)
    free = [believed(each.free_bytes, each.size_bytes) for each in appliance.stores if each.name == store]
    return free[0] if free else None


def _already(tx: Transaction, site: str, but: str) -> Iterator[tuple[str, PlacedMachine]]:
    """The machines that are placed at the site, each with its appliance. What runs there is in the memory
    that its host has used; a replica's data is in the space that is used."""
    known = _properties(tx)
    for record in tx.machines.list(site):
        own = known.get(record.id, AS_AT_HOME)
        if record.id == but:
            continue
        if record.target_site == site:
            set_here = None if record.reversed else own
            yield record.target_appliance_id, _as_placed(record, set_here)
        elif record.reversed:
            yield (
                record.source_appliance_id,
                PlacedMachine(record.name, apart=own.apart, together=own.together),
            )


def _as_placed(record: MachineRecord, there: TargetProperties | None) -> PlacedMachine:
    """The machine at its target, where it has the properties `there`; None: those of home."""
    memory = (there.memory_bytes if there else None) or record.definition.memory_bytes
    words = there or AS_AT_HOME
    return PlacedMachine(
        record.name, 0 if record.start_ordered else memory, apart=words.apart, together=words.together
    )


def _properties(tx: Transaction) -> Mapping[str, TargetProperties]:
    return {each.machine_id: each.properties for each in tx.properties.list()}


def _coming(tx: Transaction, but: str) -> Iterator[tuple[str, PlacedMachine]]:
    """The machines of protections that are in progress and have no record yet, as they were placed."""
    there = tx.machines.ids()
    jobs = search.JobQuery(MOVING, verb=Verb.ENABLE_PROTECTION.value, children=False)
    for job in search.find(tx.session, jobs, MOST_JOBS):
        for wanted in _requests(job):
            at = wanted.placed
            if at is not None and wanted.machine_id != but and wanted.machine_id not in there:
                one = PlacedMachine(
                    wanted.machine,
                    at.memory_bytes,
                    at.disk_bytes,
                    apart=wanted.apart,
                    together=wanted.together,
                )
                yield at.appliance_id, one


def _requests(job: JobView) -> Iterator[EnableArguments]:
    if job.name != batch.BATCH:
        yield EnableArguments.model_validate(job.arguments)
        return
    for child in batch.BatchArguments.model_validate(job.arguments).children:
        yield EnableArguments.model_validate(child.arguments.root)
