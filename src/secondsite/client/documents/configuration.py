"""What a vault has, as far as the token sees it, as documents."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from ...domain import errors, policies
from ...wire import rest
from ...wire.common.cards import PoolSettings
from ...wire.common.policies import PolicyShape
from ...wire.common.properties import TargetProperties
from ...wire.rest.drill_schedules import DrillSchedule, ScheduledMachine
from ...wire.rest.machine_settings import MachineCard, MachineHooks, MachineProperties, MachineSettings
from ...wire.rest.machines import Direction
from ...wire.rest.pools import AddressPool
from ...wire.rest.verification import VerificationShape
from ..vault import Vault
from .kinds import (
    AnyDocument,
    Card,
    CardsDocument,
    DrillDocument,
    GroupDocument,
    HookPart,
    HooksDocument,
    Key,
    MappingDocument,
    PairDocument,
    PlanDocument,
    PlanGroupPart,
    PolicyDocument,
    PoolDocument,
    PropertiesDocument,
    ProtectionDocument,
    VerificationDocument,
    key_of,
)


@dataclass(slots=True)
class Present:
    """What was read from the vault: a change is refused if a thing has changed since."""

    machines: list[rest.Machine]
    policies: dict[str, rest.Policy]
    mappings: list[rest.NetworkMapping]
    groups: dict[str, rest.Group]
    plans: dict[str, rest.Plan]
    drills: dict[str, DrillSchedule] = field(default_factory=dict)
    pairs: list[rest.SitePair] = field(default_factory=list)
    pools: dict[str, AddressPool] = field(default_factory=dict)
    settings: dict[str, MachineSettings] = field(default_factory=dict)
    """Settings by machine id."""
    properties: dict[str, MachineProperties] = field(default_factory=dict)
    """Properties by machine id."""
    hooks: dict[str, MachineHooks] = field(default_factory=dict)
    """Hooks by machine id."""
    sites: dict[str, rest.Site] = field(default_factory=dict)

    def find(self, name_or_id: str) -> rest.Machine | None:
        """The machine with this name or id. Raises InvalidArgument for a name that several have."""
        named = [each for each in self.machines if name_or_id in (each.name, each.id)]
        exact = [each for each in named if each.id == name_or_id] or named
        if len(exact) > 1:
            ids = ", ".join(each.id for each in exact)
            raise errors.InvalidArgument(f"several machines are named '{name_or_id}': give an id: {ids}")
        return exact[0] if exact else None

    def name(self, machine: rest.Machine) -> str:
        """The machine's name in documents; its id, if another one has the same name."""
        return machine.name if self._alone(machine.name) else machine.id

    def members(self, group: str) -> list[rest.Machine]:
        return [each for each in self.machines if each.group == group]

    def documents(self, kinds: Collection[str]) -> dict[Key, AnyDocument]:
        """All documents of these kinds."""
        made: dict[str, Iterable[AnyDocument]] = {
            "policy": (policy(each) for each in self.policies.values() if not each.read_only),
            "mapping": map(mapping, self.mappings),
            "pair": (PairDocument(kind="pair", **each.model_dump()) for each in self.pairs),
            "pool": map(pool, self.pools.values()),
            "verification": self._verifications(),
            "protection": self._protections(),
            "cards": self._cards(),
            "properties": self._properties(),
            "hooks": self._hooks(),
            "group": (self._group(each) for each in self.groups.values()),
            "plan": (self._plan(each) for each in self.plans.values()),
            "drill": (self._drill(each) for each in self.drills.values()),
        }
        return {key_of(each): each for kind in made if kind in kinds for each in made[kind]}

    def _alone(self, name: str) -> bool:
        return Counter(part for each in self.machines for part in {each.name, each.id})[name] == 1

    def _protections(self) -> Iterator[ProtectionDocument]:
        for machine in self.machines:
            if machine.target_site is not None:
                yield self._protection(machine, machine.target_site)

    def _protection(self, machine: rest.Machine, target: str) -> ProtectionDocument:
        chosen = tuple(sorted(disk.key for disk in machine.disks if disk.protected))
        home, away = _at_home((machine.source_site, target), [machine])
        return ProtectionDocument(
            kind="protection",
            machine=self.name(machine),
            source_site=home,
            target_site=away,
            policy=self._own_policy(machine.policy or ""),
            disks=None if len(chosen) in (0, len(machine.disks)) else chosen,
            encrypt=machine.encryption.wanted,
            store=machine.kept.wanted,
        )

    def _own_policy(self, name: str) -> str:
        """The name of the policy that was set, in place of its twin for the way back."""
        found = self.policies.get(name)
        return policies.own_name(name, {name: found is not None and found.read_only})

    def _verifications(self) -> Iterator[VerificationDocument]:
        for site in self.sites.values():
            if site.verification != VerificationShape():
                yield verification_document(site.name, site.verification)

    def _cards(self) -> Iterator[CardsDocument]:
        for machine in self.machines:
            if machine.id in self.settings:
                cards = tuple(_card(each) for each in self.settings[machine.id].cards if each.mac)
                found = cards_document(self.name(machine), cards)
                if found.cards:
                    yield found

    def _properties(self) -> Iterator[PropertiesDocument]:
        for machine in self.machines:
            found = self.properties.get(machine.id)
            if found is not None and any(found.edited().values()):
                yield properties_document(self.name(machine), found)

    def _hooks(self) -> Iterator[HooksDocument]:
        for machine in self.machines:
            found = self.hooks.get(machine.id)
            if found is not None and found.hooks:
                parts = tuple(HookPart(**each.model_dump()) for each in found.hooks)
                yield hooks_document(self.name(machine), parts)

    def _group(self, group: rest.Group) -> GroupDocument:
        members = self.members(group.name)
        home, away = _at_home((group.source_site, group.target_site), members)
        return GroupDocument(
            kind="group",
            name=group.name,
            source_site=home,
            target_site=away,
            multi_vm_every_seconds=group.multi_vm_every_seconds,
            app_consistent=group.app_consistent,
            machines=tuple(sorted(map(self.name, members))),
        )

    def _plan(self, plan: rest.Plan) -> PlanDocument:
        groups = tuple(map(self._part, plan.groups))
        return PlanDocument(
            kind="plan",
            name=plan.name,
            groups=groups,
            rto_goal_seconds=plan.rto_goal_seconds,
            commit_after_held_seconds=plan.commit_after_held_seconds,
        )

    def _part(self, group: rest.PlanGroup) -> PlanGroupPart:
        plain = group.model_dump(mode="json", include={"before", "after"})
        machines = [self._in_plan(each) for each in group.machines]
        return PlanGroupPart.model_validate({**plain, "machines": machines})

    def _drill(self, drill: DrillSchedule) -> DrillDocument:
        plain = drill.model_dump(include=set(DrillDocument.model_fields), exclude={"machines"})
        machines = tuple(map(self._in_plan, drill.machines))
        return DrillDocument.model_validate({**plain, "kind": "drill", "machines": machines})

    def _in_plan(self, machine: rest.PlanMachine | ScheduledMachine) -> str:
        """The machine's name in a plan. One whose protection ended is named by its id: another one may have
        its name by now."""
        found = next((each for each in self.machines if each.id == machine.id), None)
        return machine.id if found is None else self.name(found)


def read(
    vault: Vault,
    cards_of: Collection[str] | None = None,
    properties_of: Collection[str] | None = None,
    hooks_of: Collection[str] | None = None,
) -> Present:
    """`cards_of`, `properties_of`, `hooks_of`: names and ids of the machines whose cards, properties and
    hooks are read too; None: those of all machines."""
    present = Present(
        machines=list(vault.machines.list(page_size=rest.MOST_PER_PAGE)),
        policies={each.name: each for each in vault.policies.list()},
        mappings=list(vault.mappings.list()),
        groups={each.name: each for each in vault.groups.list()},
        plans={each.name: each for each in vault.plans.list()},
        drills={each.name: each for each in vault.drill_schedules.list()},
        pairs=list(vault.pairs.list()),
        pools={each.name: each for each in vault.pools.list()},
        sites={each.name: each for each in vault.sites.list()},
    )
    read_cards(vault, present, cards_of)
    read_properties(vault, present, properties_of)
    read_hooks(vault, present, hooks_of)
    return present


def read_cards(vault: Vault, present: Present, cards_of: Collection[str] | None) -> None:
    for machine in present.machines:
        if machine.id not in present.settings and _is_among(machine, cards_of):
            present.settings[machine.id] = vault.machines[machine.id].settings()


def read_properties(vault: Vault, present: Present, properties_of: Collection[str] | None) -> None:
    for machine in present.machines:
        if machine.id not in present.properties and _is_among(machine, properties_of):
            present.properties[machine.id] = vault.machines[machine.id].properties()


def read_hooks(vault: Vault, present: Present, hooks_of: Collection[str] | None) -> None:
    for machine in present.machines:
        if machine.id not in present.hooks and _is_among(machine, hooks_of):
            present.hooks[machine.id] = vault.machines[machine.id].hooks()


def _is_among(machine: rest.Machine, names: Collection[str] | None) -> bool:
    return names is None or machine.id in names or machine.name in names


def policy(found: rest.Policy) -> PolicyDocument:
    values = found.model_dump(include=set(PolicyShape.model_fields))
    return PolicyDocument(kind="policy", **values)


def mapping(found: rest.NetworkMapping) -> MappingDocument:
    return MappingDocument(kind="mapping", **found.model_dump())


def pool(found: AddressPool) -> PoolDocument:
    values = {name: getattr(found, name) for name in PoolSettings.model_fields}
    return PoolDocument(kind="pool", name=found.name, **values)


def cards_document(machine: str, cards: Iterable[Card]) -> CardsDocument:
    """The cards of a machine as a document: only cards with settings."""
    lower = [card.model_copy(update={"mac": card.mac.lower()}) for card in cards]
    kept = [card for card in lower if card != Card(mac=card.mac)]
    return CardsDocument(kind="cards", machine=machine, cards=tuple(sorted(kept, key=lambda card: card.mac)))


def properties_document(machine: str, found: TargetProperties) -> PropertiesDocument:
    values = found.model_dump(include=set(TargetProperties.model_fields))
    return PropertiesDocument(kind="properties", machine=machine, **values)


def hooks_document(machine: str, found: Iterable[HookPart]) -> HooksDocument:
    """The hooks of a machine as a document. The order of kinds and directions is normalized, because it means
    nothing."""
    parts = tuple(
        each.model_copy(
            update={
                "kinds": tuple(sorted(set(each.kinds))),
                "directions": tuple(sorted(set(each.directions))),
            }
        )
        for each in found
    )
    return HooksDocument(kind="hooks", machine=machine, hooks=parts)


def verification_document(site: str, found: VerificationShape) -> VerificationDocument:
    return VerificationDocument(kind="verification", site=site, **found.model_dump())


def _card(found: MachineCard) -> Card:
    return Card.model_construct(**found.model_dump(include=set(Card.model_fields)))


def _at_home(sites: tuple[str, str], machines: Iterable[rest.Machine]) -> tuple[str, str]:
    """Source and target as they were when protection began: reprotect swaps them, and a document need not
    change with that."""
    if any(each.direction is Direction.REVERSE for each in machines):
        return sites[1], sites[0]
    return sites
