"""Validates the whole configuration, twice a day by itself and on demand. A validation changes nothing."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from .....domain import errors
from .....wire.common.machines import MachineDefinition
from .....wire.control.orders import Inventory
from .....wire.rest.validation import Flaw, FlawKind, Validation
from ....steps.drills import drift
from ....steps.points import boot_point
from ....store import DriftRecord, MachineRecord, StatusRecord, Transaction, ValidationRecord
from ...callers import THE_VAULT
from ...parts import Parts
from ...shared import discovery
from . import asking, configuration
from .configuration import UndatedFlaw, World

EVERY = timedelta(hours=12)
SOMEBODY_WAITS_SECONDS = 25.0
IN_LINE_SECONDS = 10.0
NOBODY_WAITS_SECONDS = 3600.0
LOCK = "validation"
ASKED = frozenset({FlawKind.MACHINE, FlawKind.MACHINE_WARNING, FlawKind.SCRIPT})
"""Flaws that only the sites can report."""
_checking = threading.Lock()


class Validations:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def last(self) -> Validation:
        """What the last check found, as far as the caller may see it."""
        with self._parts.store.reading() as tx:
            found = tx.validations.last()
        return Validation() if found is None else self._shape(found)

    def now(self) -> Validation:
        """Check now: asks all sites that can be asked. If there are very many machines, only some are asked
        about, since somebody waits."""
        return self._shape(self._check(SOMEBODY_WAITS_SECONDS))

    def look(self) -> None:
        """One round of the vault's own work: a check, if the last one is old and no machines are being failed
        over. If another vault process has checked, the last one is not old."""
        with self._parts.store.reading() as tx:
            last, now = tx.validations.last(), self._parts.now()
            busy = any(boot_point.in_the_way(tx, each.name) for each in tx.sites.list())
        if not busy and (last is None or not last.checked_at <= now < last.checked_at + EVERY):
            self._check(NOBODY_WAITS_SECONDS)

    def _check(self, within_seconds: float) -> ValidationRecord:
        """The whole check, whoever asks: the result is kept for everybody. The caller counts among those
        whose requests take long. Raises DeadlineExceeded while another check is in progress."""
        everything = replace(self._parts, caller=THE_VAULT)
        with self._parts.waiting.one(self._parts.caller), _one_at_a_time():
            world = _world(everything)
            answers = asking.asked(everything, world, within_seconds)
        found = [*configuration.found(world), *answers.found]
        with self._parts.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            flaws = tuple(_flaws(found, answers.unasked, tx.validations.last(), self._parts.now()))
            record = ValidationRecord(self._parts.now(), answers.machines, answers.not_asked, flaws)
            tx.validations.put(record)
        self._note_drift(world)
        return record

    def _note_drift(self, world: World) -> None:
        """Note drift of the machines that changed, each in a transaction of its own: a verb may change a
        machine meanwhile, and then the next check notes it."""
        with self._parts.store.reading() as tx:
            changed = [each.id for each in tx.machines.list() if self._drifts(tx, each, world)]
        for machine_id in changed:
            with suppress(errors.Conflict), self._parts.store.transaction() as tx:
                machine = tx.machines.by_id(machine_id)
                if machine is not None and self._drifts(tx, machine, world):
                    tx.machines.put(replace(machine, drift=self._drift(tx, machine, world)))

    def _drifts(self, tx: Transaction, machine: MachineRecord, world: World) -> bool:
        return machine.proven_as is not None and self._drift(tx, machine, world) != machine.drift

    def _drift(self, tx: Transaction, machine: MachineRecord, world: World) -> DriftRecord | None:
        return drift.drift(tx, machine, world.definitions.get(machine.id), self._parts.now())

    def _shape(self, record: ValidationRecord) -> Validation:
        seen = tuple(each for each in record.flaws if self._parts.sees(*each.sites))
        return Validation(
            checked_at=record.checked_at, machines=record.machines, not_asked=record.not_asked, flaws=seen
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """One check at a time: each asks all sites, and several at a time would not end sooner."""
    if not _checking.acquire(timeout=IN_LINE_SECONDS):
        raise errors.DeadlineExceeded(
            "The configuration is being checked already.",
            do="Ask again in a minute, or see what the last check found: 'secondsite vault validate --last'.",
        )
    try:
        yield
    finally:
        _checking.release()


def _flaws(
    found: Iterable[UndatedFlaw], unasked: set[str], last: ValidationRecord | None, now: datetime
) -> Iterator[Flaw]:
    before = {} if last is None else {(each.kind, each.about, each.what): each for each in last.flaws}
    kept = [each for each in before.values() if each.kind in ASKED and each.about in unasked]
    new = {(each.kind, each.about, each.what): each for each in found}
    made = [
        Flaw(**each._asdict(), since=before[key].since if key in before else now) for key, each in new.items()
    ]
    yield from sorted([*made, *kept], key=lambda each: (each.kind, each.about, each.what))


def _world(parts: Parts) -> World:
    """Everything that is checked. A site that never reported its networks lacks none."""
    with parts.store.reading() as tx:
        sites = {each.name: each for each in tx.sites.list()}
    asked = discovery.at_once(list(sites), lambda name: discovery.seen(parts, name))
    said = list(zip(sites, asked, strict=True))
    seen = [(name, contents.inventory) for name, contents in said if contents.problem is None]
    networks = {
        name: frozenset(each.name for each in contents.inventory.networks)
        for name, contents in said
        if contents.problem is None or contents.seen_at is not None
    }
    with parts.store.reading() as tx:
        machines = {each.id: each for each in tx.machines.list()}
        statuses = parts.facts.latest_of(tx, list(machines))
        return World(
            sites=sites,
            networks=networks,
            appliances={each.id: each for each in tx.appliances.list()},
            machines=machines,
            definitions={
                each.id: found
                for each in machines.values()
                if (found := _definition(each, dict(seen).get(each.source_site))) is not None
            },
            points={key: _whole(each) for key, each in statuses.items()},
            memory={each.id: boot_point.memory_of(tx, each) for each in machines.values()},
            mappings=tuple(tx.networks.list()),
            policies=tuple(policy for policy, read_only in tx.policies.list() if not read_only),
            plans=tuple(tx.plans.list()),
            hooks=tx.hooks.all(),
            schedules=tuple(each for each in tx.drill_schedules.list() if not each.schedule.paused),
        )


def _definition(machine: MachineRecord, there: Inventory | None) -> MachineDefinition | None:
    """The machine's present definition at its site; None if that is not known."""
    found = there.machines if there is not None else ()
    return next((each.definition for each in found if each.fabric_id == machine.source_fabric_id), None)


def _whole(status: StatusRecord) -> int:
    replica = status.replica
    return 0 if replica is None else sum(not point.damaged for point in replica.points)
