"""Adopts what the former vault had set for many machines. What exists here already stays as it is, and
nothing is created twice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import BaseModel, JsonValue, TypeAdapter

from .....domain.bandwidth_schedule import BandwidthSchedule
from .....domain.groups import ReplicationGroup
from .....domain.machines import adopting as domain
from .....domain.plans.plan import RecoveryPlan
from .....domain.policies import ReplicationPolicy
from .....ground.plural import counted
from .....wire.control.adopting import AdoptableSite, AdoptionRecord, AdoptionSettings
from .....wire.rest.places import NetworkMapping
from ....store import ApplianceRecord, GroupRecord, PlanRecord, SiteRecord, Transaction

NOTHING = AdoptionSettings()
UNLIMITED = BandwidthSchedule()


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the former vault. `sites`: present names of sites by their former ones; `other`: the present
    name of the site whose former name is not known."""

    sites: Mapping[str, str]
    other: str
    appliances: Mapping[str, tuple[str, str]]
    """Name and site of the former vault's appliances, by their ids."""
    policies: Mapping[str, ReplicationPolicy]
    said: bool
    """Whether the former vault told the appliance its settings, and which machines it had."""

    def site(self, former: str) -> str:
        return self.sites.get(former, former)


def names(found: AdoptableSite, site: str, other: str) -> Names:
    """The names; the appliance's own site may have another name here."""
    vault, sites = found.vault or NOTHING, {found.site: site} if found.site else {}
    return Names(
        sites=sites,
        other=other,
        appliances={each.id: (each.name, sites.get(each.site, each.site)) for each in vault.appliances},
        policies={each.policy.name: each.policy.to_domain() for each in vault.policies},
        said=found.vault is not None,
    )


def put(tx: Transaction, found: AdoptableSite, known: Names, now: datetime) -> Iterator[str]:
    """Create what is missing here; gives a sentence for each thing, in the order of creation."""
    vault = found.vault or NOTHING
    yield from _sites(tx, vault, known, now)
    yield from _policies(tx, vault)
    yield from _groups(tx, vault, known, now)
    yield from _plans(tx, vault, known, now)
    yield from _mappings(tx, vault, known)


def site(tx: Transaction, name: str, now: datetime) -> Iterator[str]:
    """Create a site that may be gone, as a name."""
    if tx.sites.find(name) is None:
        tx.sites.add(SiteRecord(name, now))
        yield f"site {name}"


def appliance(tx: Transaction, wanted: str, at: str, known: Names, now: datetime) -> Iterator[str]:
    """Create an appliance of the former vault as a name: until it enrolls here under its id, or is replaced,
    it is not connected."""
    if tx.appliances.find(wanted) is not None:
        return
    name, site_name = known.appliances.get(wanted, (f"lost-{wanted[:8]}", at))
    yield from site(tx, site_name, now)
    free = domain.free_name(name, {each.name for each in tx.appliances.list()})
    tx.appliances.put(ApplianceRecord(wanted, free, site_name, now, now))
    yield f"appliance {free} of site {site_name}, which is away"


def _sites(tx: Transaction, vault: AdoptionSettings, known: Names, now: datetime) -> Iterator[str]:
    for each in vault.sites:
        name = known.site(each.name)
        if tx.sites.find(name) is None:
            bandwidth = each.bandwidth.to_domain()
            yield from (f"{said}{_with(changed(bandwidth, UNLIMITED))}" for said in site(tx, name, now))
            tx.sites.put(SiteRecord(name, now, bandwidth))


def _with(said: str) -> str:
    return f", with {said}" * bool(said)


def _policies(tx: Transaction, vault: AdoptionSettings) -> Iterator[str]:
    tx.one_at_a_time("policies")
    for each in vault.policies:
        policy = each.policy.to_domain()
        name = policy_name(tx, policy)
        if tx.policies.find(name) is None:
            tx.policies.put(replace(policy, name=name), read_only=each.read_only)
            yield policy_told(name, policy)


def policy_told(name: str, policy: ReplicationPolicy) -> str:
    another = f" (policy {policy.name} is another one here)" * (name != policy.name)
    return f"policy {name}{another}{_with(changed(policy, ReplicationPolicy(policy.name)))}"


def policy_name(tx: Transaction, policy: ReplicationPolicy) -> str:
    """The name of a policy with these values here, or a free one for it."""
    others = {
        each.name
        for each, _read_only in tx.policies.list()
        if replace(each, name="") != replace(policy, name="")
    }
    return domain.free_name(policy.name, others)


def _groups(tx: Transaction, vault: AdoptionSettings, known: Names, now: datetime) -> Iterator[str]:
    for each in vault.groups:
        if tx.groups.find(each.name) is None:
            group = _group(each, known)
            tx.groups.add(GroupRecord(each.name, group, now))
            usual = ReplicationGroup(group.name, group.source_site, group.target_site)
            yield f"replication group {each.name}{_with(changed(group, usual))}"


def _group(group: ReplicationGroup, known: Names) -> ReplicationGroup:
    return replace(
        group, source_site=known.site(group.source_site), target_site=known.site(group.target_site)
    )


def _plans(tx: Transaction, vault: AdoptionSettings, known: Names, now: datetime) -> Iterator[str]:
    for each in vault.plans:
        if tx.plans.find(each.name) is None:
            plan: RecoveryPlan = domain.sites_named(each, known.sites)
            tx.plans.put(PlanRecord(plan.name, plan, now, now))
            yield f"recovery plan {plan.name} of {counted(sum(1 for _ in plan.machines), 'machine')}"
            yield from (f"in plan {plan.name}: {each}" for each in of_plan(plan))


def _mappings(tx: Transaction, vault: AdoptionSettings, known: Names) -> Iterator[str]:
    there = {(each.source_site, each.source_network, each.target_site) for each in tx.networks.list()}
    for each in vault.mappings:
        source, target = known.site(each.source_site), known.site(each.target_site)
        if (source, each.source_network, target) not in there:
            renamed = {**each.model_dump(), "source_site": source, "target_site": target}
            tx.networks.put(NetworkMapping(**renamed))
            yield f"network {each.source_network} of {source} becomes {each.target_network} at {target}"


# Every value that a former vault is said to have set, in words for people to check: whoever could write to
# the store could set any of them.

CALLED = {"names": "DNS names"}
VALUES: TypeAdapter[Mapping[str, JsonValue]] = TypeAdapter(Mapping[str, JsonValue])


def of_machine(kept: AdoptionRecord) -> Iterator[str]:
    """A sentence for each network card, check and hook of the machine, and for its properties at the second
    site."""
    for card in kept.cards:
        yield f"its network card has: {told(_differing(card))}"
    for check in kept.checks:
        yield f"it is checked: {told(_differing(check))}"
    for hook in kept.hooks:
        yield f"a hook runs with its verbs: {told(_differing(hook))}"
    own = _differing(kept.properties)
    if own:
        yield f"its properties at the second site: {told(own)}"


def of_plan(plan: RecoveryPlan) -> Iterator[str]:
    """A sentence for each script that the plan runs, and for each instruction to people."""
    for group in plan.groups:
        for action in (*group.before, *group.after):
            yield told(_differing(action))


def changed(value: object, usual: object) -> str:
    """The fields in which two dataclasses differ, as text; empty for none."""
    own, other = (
        VALUES.validate_python(TypeAdapter(type(each)).dump_python(each, mode="json"))
        for each in (value, usual)
    )
    return told({name: each for name, each in own.items() if each != other.get(name)})


def told(values: Mapping[str, JsonValue]) -> str:
    """The values as text: 'network dmz, address 10.2.0.5/24'."""
    return ", ".join(
        f"{CALLED.get(name, name.replace('_', ' '))} {_words(each)}" for name, each in values.items()
    )


def _differing(shape: object) -> Mapping[str, JsonValue]:
    if isinstance(shape, BaseModel):
        return VALUES.validate_python(shape.model_dump(mode="json", exclude_defaults=True))
    said = VALUES.validate_python(TypeAdapter(type(shape)).dump_python(shape, mode="json"))
    return {name: each for name, each in said.items() if each not in (None, "", [], 0, False)}


def _words(value: JsonValue) -> str:
    if isinstance(value, dict):
        return f"({told(value)})"
    if isinstance(value, list):
        return " ".join(map(_words, value))
    if value is None:
        return "none"
    return {"True": "yes", "False": "no"}.get(str(value), str(value))
