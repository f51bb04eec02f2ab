"""Makes the changes, through the same calls as the commands, in an order that works.

Each changes one thing, and only if that is as it was read. A run that was interrupted is repeated: what it
did is no change any more.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ...domain import errors
from ...domain.lifecycle import State
from ...wire import rest
from ...wire.common.cards import CardSettings
from ...wire.common.hooks import MachineHook
from ...wire.common.properties import TargetProperties
from ...wire.rest.drill_schedules import DrillScheduleChange, DrillScheduleCreate
from ...wire.rest.machines import Machine
from ...wire.rest.pools import AddressPoolChange, AddressPoolCreate
from ..nouns.jobs import JobHandle
from ..nouns.machines import MachineHandle
from ..vault import Vault
from . import comparing
from .comparing import Action, Change
from .configuration import Present, read_cards, read_hooks, read_properties
from .kinds import (
    AnyDocument,
    CardsDocument,
    DrillDocument,
    GroupDocument,
    HooksDocument,
    MappingDocument,
    PairDocument,
    PlanDocument,
    PolicyDocument,
    PoolDocument,
    PropertiesDocument,
    ProtectionDocument,
    VerificationDocument,
)
from .loading import LoadedDocument

LOOK_SECONDS = 0.2


class DocumentApplier:
    """Makes the changes. `present` is what was read and checked; it is updated with each change."""

    def __init__(self, vault: Vault, present: Present, given: Sequence[LoadedDocument]) -> None:
        self._vault = vault
        self._present = present
        self._given = given
        self._protecting: list[tuple[Change, JobHandle]] = []

    def run(self, changes: Sequence[Change]) -> Iterator[Change]:
        """Make the changes, and yield each when it is done. Raises the vault's error, with the document that
        asked for the change."""
        early = [
            each
            for each in changes
            if each.action is Action.DELETE and each.key[0] in ("group", "plan", "drill")
        ]
        late = [each for each in changes if each.action is Action.DELETE and each not in early]
        first = [
            each
            for each in changes
            if each.key[0] in ("policy", "mapping", "pair", "pool", "verification", "protection")
        ]
        yield from self._each(early)
        yield from self._each(each for each in first if each.action is not Action.DELETE)
        yield from self._later()
        yield from self._each(late)

    def _later(self) -> Iterator[Change]:
        """Make changes of things that name machines, which may have been protected only a moment ago."""
        self._settle()
        kinds = ("cards", "properties", "hooks", "group", "plan", "drill")
        later = [each for each in self._given if each.document.kind in kinds]
        names = {each.document.machine for each in later if isinstance(each.document, CardsDocument)}
        read_cards(self._vault, self._present, names)
        others = {each.document.machine for each in later if isinstance(each.document, PropertiesDocument)}
        read_properties(self._vault, self._present, others)
        hooked = {each.document.machine for each in later if isinstance(each.document, HooksDocument)}
        read_hooks(self._vault, self._present, hooked)
        found = comparing.changes(self._present, later)
        for change in found:
            _told(change, partial(self._leave, change))
        yield from self._each(found)

    def _settle(self) -> None:
        """Waits until machines may be in groups and plans: their first copy is under way."""
        for change, job in self._protecting:
            _told(change, partial(_wait, self._vault.machines[change.key[1]], job))
        for machine in self._present.machines:
            if machine.state is State.ENABLING and machine.job_id is not None:
                _wait(self._vault.machines[machine.id], self._vault.jobs[machine.job_id])
        if self._protecting:
            self._present.machines = list(self._vault.machines.list(page_size=rest.MOST_PER_PAGE))

    def _each(self, changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            _told(change, partial(self._perform, change))
            yield change

    def _perform(self, change: Change) -> None:
        if change.action is Action.DELETE:
            self._delete(change)
            return
        wanted = change.wanted
        if isinstance(wanted, ProtectionDocument) and change.action is Action.CHANGE:
            self._set_policy(wanted)
        elif isinstance(wanted, ProtectionDocument):
            self._protecting.append((change, self._protect(wanted)))
        elif wanted is not None:
            self._puts[type(wanted)](wanted)

    @property
    def _puts(self) -> Mapping[type[AnyDocument], Callable[[Any], None]]:
        """The functions that make a change, for all kinds except protection."""
        return {
            PolicyDocument: self._put_policy,
            MappingDocument: self._put_mapping,
            PairDocument: self._put_pair,
            PoolDocument: self._put_pool,
            VerificationDocument: self._give,
            CardsDocument: self._put_cards,
            PropertiesDocument: self._put_properties,
            HooksDocument: self._put_hooks,
            GroupDocument: self._put_group,
            PlanDocument: self._put_plan,
            DrillDocument: self._put_drill,
        }

    def _delete(self, change: Change) -> None:
        kind, name = change.key[0], change.key[1]
        if kind == "policy":
            self._vault.policies[name].delete(seen=self._present.policies[name])
        elif kind == "group":
            self._vault.groups[name].delete(seen=self._present.groups.pop(name))
            for each in self._present.members(name):
                self._set_group(each, None)
        elif kind == "plan":
            self._vault.plans[name].delete(seen=self._present.plans[name])
        elif kind == "pool":
            self._vault.pools[name].delete(seen=self._present.pools[name])
        elif kind == "drill":
            self._vault.drill_schedules[name].delete(seen=self._present.drills[name])
        elif isinstance(change.now, MappingDocument):
            self._drop_mapping(change.now)

    def _give(self, wanted: VerificationDocument) -> None:
        values = wanted.model_dump(exclude={"kind", "site"})
        self._vault.sites[wanted.site].verify(**values, seen=self._present.sites[wanted.site])

    def _put_policy(self, wanted: PolicyDocument) -> None:
        values = wanted.model_dump(exclude={"kind", "name"})
        seen = self._present.policies.get(wanted.name)
        if seen is None:
            self._vault.policies.create(wanted.name, **values)
        else:
            self._vault.policies[wanted.name].update(seen, **values)

    def _put_mapping(self, wanted: MappingDocument) -> None:
        ways = wanted.source_site, wanted.target_site
        seen = self._between(*ways)
        self._vault.mappings.create(
            wanted.source_site, wanted.source_network, wanted.target_site, wanted.target_network, seen=seen
        )
        self._mapped(*ways, wanted.source_network, seen)

    def _put_pair(self, wanted: PairDocument) -> None:
        now = [
            each for each in self._present.pairs if {each.first, each.second} == {wanted.first, wanted.second}
        ]
        self._vault.pairs.set(
            wanted.first,
            wanted.second,
            reverse_after_commit=wanted.reverse_after_commit,
            settle=wanted.settle,
            seen=now[0] if now else None,
        )

    def _put_pool(self, wanted: PoolDocument) -> None:
        asked = wanted.model_dump(exclude={"kind"})
        seen = self._present.pools.get(wanted.name)
        if seen is None:
            self._vault.pools.create(AddressPoolCreate.model_validate(asked))
        else:
            self._vault.pools[wanted.name].set(AddressPoolChange.model_validate(asked), seen=seen)

    def _drop_mapping(self, now: MappingDocument) -> None:
        ways = now.source_site, now.target_site
        seen = self._between(*ways)
        self._vault.mappings.delete(now.source_site, now.source_network, now.target_site, seen=seen)
        self._mapped(*ways, now.source_network, seen)

    def _between(self, source: str, target: str) -> Sequence[rest.NetworkMapping]:
        return [
            each
            for each in self._present.mappings
            if (each.source_site, each.target_site) == (source, target)
        ]

    def _mapped(self, source: str, target: str, network: str, seen: Sequence[rest.NetworkMapping]) -> None:
        """Note a change of a mapping. All mappings share one edition: after a change of our own they are read
        again, and only that mapping may differ."""
        now = self._vault.mappings.list(source, target)
        if _others(now, network) != _others(seen, network):
            raise errors.ChangedMeanwhile(
                f"A mapping from {source} to {target} was changed since it was read."
            )
        kept = [each for each in self._present.mappings if each not in seen]
        self._present.mappings = [*kept, *now]

    def _set_policy(self, wanted: ProtectionDocument) -> None:
        machine = self._known(wanted.machine)
        seen = rest.MachinePolicy(machine=machine.id, name=machine.name, policy=machine.policy or "")
        self._vault.machines[machine.id].set_policy(wanted.policy, seen=seen)

    def _protect(self, wanted: ProtectionDocument) -> JobHandle:
        return self._vault.machines[wanted.machine].enable_protection(
            wanted.source_site,
            wanted.target_site,
            policy=wanted.policy,
            disks=None if wanted.disks is None else {wanted.machine: wanted.disks},
            encrypt=wanted.encrypt,
            store=wanted.store,
        )

    def _put_cards(self, wanted: CardsDocument) -> None:
        machine = self._known(wanted.machine)
        cards = [CardSettings(**card.model_dump()) for card in wanted.cards]
        self._vault.machines[machine.id].set_cards(cards, seen=self._present.settings[machine.id])

    def _put_properties(self, wanted: PropertiesDocument) -> None:
        machine = self._known(wanted.machine)
        values = TargetProperties(**wanted.model_dump(include=set(TargetProperties.model_fields)))
        self._vault.machines[machine.id].set_properties(values, seen=self._present.properties[machine.id])

    def _put_hooks(self, wanted: HooksDocument) -> None:
        machine = self._known(wanted.machine)
        hooks = [MachineHook(**each.model_dump()) for each in wanted.hooks]
        self._vault.machines[machine.id].set_hooks(hooks, seen=self._present.hooks[machine.id])

    def _leave(self, change: Change) -> None:
        """Take members out of a group first: they may be needed in another one."""
        wanted, now = change.wanted, change.now
        if isinstance(wanted, GroupDocument) and isinstance(now, GroupDocument):
            staying = [each for each in now.machines if each in wanted.machines]
            if len(staying) < len(now.machines):
                self._update_group(wanted, staying)

    def _put_group(self, wanted: GroupDocument) -> None:
        if wanted.name in self._present.groups:
            self._update_group(wanted, wanted.machines)
            return
        self._vault.groups.create(
            wanted.name,
            wanted.source_site,
            wanted.target_site,
            wanted.machines,
            multi_vm_every_seconds=wanted.multi_vm_every_seconds,
            app_consistent=wanted.app_consistent,
        )

    def _update_group(self, wanted: GroupDocument, machines: Sequence[str]) -> None:
        self._present.groups[wanted.name] = self._vault.groups[wanted.name].update(
            machines,
            multi_vm_every_seconds=wanted.multi_vm_every_seconds,
            app_consistent=wanted.app_consistent,
            seen=self._present.groups[wanted.name],
        )

    def _put_plan(self, wanted: PlanDocument) -> None:
        parts = [rest.PlanGroupChange.model_validate(part.model_dump()) for part in wanted.groups]
        seen = self._present.plans.get(wanted.name)
        goal, held = wanted.rto_goal_seconds, wanted.commit_after_held_seconds
        if seen is None:
            self._vault.plans.create(
                wanted.name, parts, rto_goal_seconds=goal, commit_after_held_seconds=held
            )
        else:
            self._vault.plans[wanted.name].set(
                parts, rto_goal_seconds=goal, commit_after_held_seconds=held, seen=seen
            )

    def _put_drill(self, wanted: DrillDocument) -> None:
        asked = wanted.model_dump(exclude={"kind"})
        seen = self._present.drills.get(wanted.name)
        if seen is None:
            self._vault.drill_schedules.create(DrillScheduleCreate.model_validate(asked))
        else:
            self._vault.drill_schedules[wanted.name].set(DrillScheduleChange.model_validate(asked), seen=seen)

    def _set_group(self, machine: Machine, group: str | None) -> None:
        at = self._present.machines.index(machine)
        self._present.machines[at] = machine.model_copy(update={"group": group})

    def _known(self, name: str) -> Machine:
        found = self._present.find(name)
        if found is None:
            raise errors.NotFound.named("machine", name)
        return found


def _wait(machine: MachineHandle, job: JobHandle) -> None:
    """Wait for the end of a machine's job. Raises JobNotSucceeded."""
    while not job.show().state.ended:
        with contextlib.suppress(errors.NotFound):  # the job has not come to it yet
            if machine.show().state is not State.ENABLING:
                return
        time.sleep(LOOK_SECONDS)
    job.wait()


def _others(mappings: Sequence[rest.NetworkMapping], network: str) -> set[rest.NetworkMapping]:
    return {each for each in mappings if each.source_network != network}


def _told(change: Change, act: Callable[[], None]) -> None:
    try:
        act()
    except errors.SecondsiteError as error:
        where = change.what if change.given is None else change.given.at()
        error.message = f"{where}: {error.message}"
        error.do = f"{error.do} Then repeat the command: what is done stays, and is not done again."
        raise
