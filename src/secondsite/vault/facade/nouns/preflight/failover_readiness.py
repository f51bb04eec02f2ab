"""Whether a protected machine could be failed over now.

What blocks a failover blocks here. What only a planned failover needs, the source and the link, is a warning:
an unplanned failover does without.
"""

from collections.abc import Iterator, Sequence

from .....domain import errors, lifecycle, shell
from .....domain.lifecycle import Verb
from .....wire.common.machines import PowerState
from .....wire.control.cards import LocalCard
from .....wire.control.checks import CheckSource, CheckTarget, MemoryNeed, Obstacles, TargetCheckFact
from .....wire.control.scripts import CheckScripts
from .....wire.rest.preflights import Preflight, PreflightObstacle
from ....steps import lookup
from ....steps.sides import (
    address_fit,
    dns_names,
    network_cards,
    pool_addresses,
    properties,
    replica_hosts,
)
from ....store import ApplianceRecord, MachineRecord
from ...parts import Parts
from ...shared import hook_scripts
from .. import machines
from ..settings import connecting
from . import appliance_checks

Found = Iterator[PreflightObstacle]


class Preflights:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of(self, machine: str, *, hooks: bool = True) -> Preflight:
        """The check of a machine; with `hooks` its appliances are asked for their scripts as well. Raises
        NotFound, and NotPossibleNow for a machine that cannot be failed over in its state."""
        with self._parts.store.reading() as tx:
            record = machines.existing(self._parts, tx, machine)
        lifecycle.require(Verb.FAILOVER, record.name, record.state, record.drill_state)
        record, tried = self._as_it_is(record), list[str]()
        found = [*self._points(record), *self._target(record, tried), *self._source(record, tried)]
        found += self._hooks(record) if hooks else ()
        sites = record.source_site, record.target_site
        answer = appliance_checks.answer(self._parts, record.name, sites, found, reversed(tried))
        with self._parts.store.reading() as tx:
            lines = connecting.of_machines(self._parts, tx, [record])[record.id]
        return answer.model_copy(update={"connecting": tuple(lines)})

    def _as_it_is(self, machine: MachineRecord) -> MachineRecord:
        """The machine as its home describes it now, if that answers; else as it was last known."""
        with self._parts.store.reading() as tx:
            source = tx.appliances.find(machine.source_appliance_id)
        if source is None or machine.is_away or not self._parts.gateway.is_connected(source.id):
            return machine
        found = appliance_checks.definition(self._parts, source, machine.source_fabric_id, machine.id)
        return machine if found is None else lookup.as_described(machine, found)

    def _points(self, machine: MachineRecord) -> Found:
        with self._parts.store.reading() as tx:
            replica = self._parts.facts.latest(tx, machine.id).replica
        if replica is None or not any(not point.damaged for point in replica.points):
            yield appliance_checks.obstacle(
                machine.target_site,
                f"There is no recovery point of {machine.name} that is whole.",
                (
                    "Wait for the next one, and look at 'secondsite point list "
                    f"{shell.arguments(machine.name)}'."
                ),
            )

    def _target(self, machine: MachineRecord, tried: list[str]) -> Found:
        """`tried` gets what was tried there, in words."""
        site = machine.target_site
        with self._parts.store.reading() as tx:
            appliance = tx.appliances.find(machine.target_appliance_id)
            names = dns_names.names(tx, machine)
            pooled = pool_addresses.look(tx, machine, network_cards.checked(tx, machine), blocking=False)
            unconnected = network_cards.unconnected(tx, machine, pooled.cards)
            source = tx.appliances.find(machine.source_appliance_id)
            wanted, home = properties.set_for(tx, machine), network_cards.at_home(tx, machine)
        yield from (*appliance_checks.at(site, unconnected), *appliance_checks.at(site, pooled.unpooled))
        payload = CheckTarget(
            definition=None if machine.reversed else machine.definition,
            name=wanted.target_name or machine.name,
            fabric_id=machine.target_fabric_id,
            cards=pooled.cards,
            names=names,
            must_hold_replica=True,
            no_copy=not machine.start_ordered,
            sizing=wanted.sizing,
            home_in_need=home,
            stand_ins=network_cards.names(pooled.cards),
            memory=MemoryNeed(memory_bytes=machine.definition.memory_bytes),
            way_back=self._way_back(source),
        )
        if appliance is None:
            yield _not_enrolled(site, blocking=True)
            return
        try:
            answer = appliance_checks.target(self._parts, appliance, payload, machine.id)
            tried += appliance_checks.tried(appliance, answer)
            yield from appliance_checks.at(site, answer)
            yield from appliance_checks.at(site, properties.too_old(wanted.sizing, answer, machine))
            yield from appliance_checks.at(site, self._unfit(machine, pooled.cards, answer))
        except errors.ApplianceUnreachable as error:
            yield self._instead(machine) or appliance_checks.problem(site, error, blocking=True)
        except errors.SecondsiteError as error:
            yield appliance_checks.problem(site, error, blocking=True)

    def _instead(self, machine: MachineRecord) -> PreflightObstacle | None:
        """A warning that another host takes the place of that of its replica; None if none does."""
        with self._parts.store.reading() as tx:
            there = replica_hosts.previewed(self._parts.gateway, tx, [machine])[machine.id]
        if there.host is None:
            return None
        return PreflightObstacle(
            site=machine.target_site,
            what=f"The host of its replica does not answer: '{there.host}' takes its place.",
            do="Nothing; to have it so now, 'secondsite machine move-replica "
            f"{shell.arguments(machine.name)}'.",
            blocking=False,
        )

    def _way_back(self, source: ApplianceRecord | None) -> tuple[str, ...]:
        """Problems of the way back, if the source can be asked: a failover does not wait for it."""
        if source is None or source.hello is None or not self._parts.gateway.is_connected(source.id):
            return ()
        return source.hello.data_addresses

    def _unfit(
        self, machine: MachineRecord, connected: Sequence[LocalCard], answer: TargetCheckFact
    ) -> Obstacles:
        """Cards whose address does not fit their network; none while the source does not report its guest's
        addresses."""
        with self._parts.store.reading() as tx:
            appliance = tx.appliances.find(machine.source_appliance_id)
        if appliance is None or not connected or not self._parts.gateway.is_connected(appliance.id):
            return Obstacles()
        try:
            now = appliance_checks.addresses(self._parts, appliance, machine.source_fabric_id, machine.id)
        except errors.SecondsiteError:
            return Obstacles()
        with self._parts.store.reading() as tx:
            runs = now.power == PowerState.RUNNING
            return address_fit.look(tx, machine, connected, now.addresses, answer.stand_ins, runs=runs).unfit

    def _source(self, machine: MachineRecord, tried: list[str]) -> Found:
        site = machine.source_site
        with self._parts.store.reading() as tx:
            appliance = tx.appliances.find(machine.source_appliance_id)
            target = tx.appliances.find(machine.target_appliance_id)
            addresses = lookup.data_addresses(tx, target.id) if target and target.hello else ()
        payload = CheckSource(
            fabric_id=machine.source_fabric_id, disks=machine.disks, peer_addresses=addresses, view=True
        )
        if appliance is None:
            yield _not_enrolled(site, blocking=False)
            return
        try:
            found = appliance_checks.source(self._parts, appliance, payload, machine.id)
        except errors.SecondsiteError as error:
            yield appliance_checks.problem(site, error, blocking=False)
        else:
            tried += appliance_checks.tried(appliance, found)
            yield from (
                each.model_copy(update={"blocking": False}) for each in appliance_checks.at(site, found)
            )

    def _hooks(self, machine: MachineRecord) -> Found:
        """Hooks that cannot run. A planned failover does not begin without its scripts; other failovers
        begin, and report it. An appliance that does not answer is reported by the other checks."""
        with self._parts.store.reading() as tx:
            own = tx.hooks.find(machine.id)
            needed = [(tx.appliances.find(at), names) for at, names in hook_scripts.needed(machine, own)]
        do = hook_scripts.advice(machine.name)
        for appliance, names in needed:
            if appliance is not None and self._parts.gateway.is_connected(appliance.id):
                payload = CheckScripts(names=tuple(sorted(names)))
                for problem in hook_scripts.missing(self._parts, appliance, payload) or ():
                    yield appliance_checks.obstacle(
                        appliance.site, f"A hook cannot run: {problem}", do, blocking=False
                    )


def _not_enrolled(site: str, *, blocking: bool) -> PreflightObstacle:
    do = f"Enroll it again: 'secondsite appliance create-registration-key --site {site}'."
    return appliance_checks.obstacle(
        site, "The machine's appliance is no longer enrolled.", do, blocking=blocking
    )
