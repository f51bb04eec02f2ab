"""Checks changes before the first is made: why they cannot be made, and what else the caller should know."""

from collections.abc import Iterator, Mapping, Sequence

from ...domain import errors, shell
from ...domain.access import roles
from ...domain.access.roles import Grant, Permission
from ...domain.lifecycle import State
from ...domain.networks import addresses
from ...domain.plans.actions import require_readable
from ...wire.rest.vault import Caller
from .comparing import Action, Change, canonical
from .configuration import Present
from .kinds import (
    ActionPart,
    AnyDocument,
    CardsDocument,
    DrillDocument,
    GroupDocument,
    HooksDocument,
    PlanDocument,
    PolicyDocument,
    PropertiesDocument,
    ProtectionDocument,
    VerificationDocument,
    key_of,
)
from .loading import LoadedDocument
from .references import References

NEEDS: Mapping[str, Permission] = {
    "policy": Permission.CONFIGURE,
    "mapping": Permission.CONFIGURE,
    "pair": Permission.CONFIGURE,
    "pool": Permission.CONFIGURE,
    "verification": Permission.EQUIP,
    "protection": Permission.PROTECT,
    "cards": Permission.PROTECT,
    "properties": Permission.PROTECT,
    "hooks": Permission.PROTECT,
    "group": Permission.PROTECT,
    "plan": Permission.PROTECT,
    "drill": Permission.PROTECT,
}
MAY_JOIN = frozenset({State.PROTECTED, State.INITIAL_REPLICATING, State.ENABLING})
SITES = frozenset({"source_site", "target_site", "first", "second", "site"})
"""Fields of documents that name a site."""
Told = Iterator[str]
AtField = Iterator[tuple[tuple[str | int, ...], str]]


def missing_rights(caller: Caller | None, changes: Sequence[Change]) -> Told:
    """Which kinds of change the token may not make."""
    if caller is None:
        return
    grant = Grant(caller.roles, caller.site)
    for kind in dict.fromkeys(each.key[0] for each in changes):
        if not grant.may(NEEDS[kind]):
            needs = " or ".join(roles.roles_with(NEEDS[kind]))
            where = " of the whole vault" if NEEDS[kind] in roles.OF_THE_WHOLE_VAULT else ""
            first = next(each for each in changes if each.key[0] == kind)
            yield (
                f"{first.what}: token '{caller.token}' ({roles.described(grant)}) may not change anything "
                f"of the kind '{kind}': that needs the permission '{NEEDS[kind]}', which the role "
                f"{needs}{where} has"
            )


class DocumentChecker:
    def __init__(self, present: Present, given: Sequence[LoadedDocument], around: References) -> None:
        self._present = present
        self._given = given
        self._around = around
        self._protecting = {
            each.document.machine: each.document
            for each in given
            if isinstance(each.document, ProtectionDocument)
        }
        in_plans = (group.machines for plan in present.plans.values() for group in plan.groups)
        drilled = (machine.id for drill in present.drills.values() for machine in drill.machines)
        self._former = {machine.id for members in in_plans for machine in members} | {*drilled}
        self._plans = {*present.plans} | {
            each.document.name for each in given if isinstance(each.document, PlanDocument)
        }
        self._policies = {*present.policies} | {
            each.document.name for each in given if isinstance(each.document, PolicyDocument)
        }

    def machines(self) -> Told:
        """Names that no machine, or several machines, have, and documents that mean the same thing by two
        names."""
        first: dict[tuple[str, ...], LoadedDocument] = {}
        for each in self._given:
            for path, name in _names(each):
                yield from (f"{each.at(*path)}: {what}" for what in self._named(name))
            key = key_of(canonical(self._present, each.document))
            before = first.setdefault(key, each)
            if before is not each:
                yield f"{each.at()}: {before.at()} means the same: leave one out"

    def wrong(self, changes: Sequence[Change]) -> Told:
        """Of what is to be changed."""
        going = {each.key[1] for each in changes if each.key[0] == "group" and each.action is Action.DELETE}
        for change in changes:
            if change.given is None:
                yield from self._deleted(change)
                continue
            for path, what in self._of(change, going):
                yield f"{change.given.at(*path)}: {what}"

    def _named(self, name: str) -> Told:
        try:
            found = self._present.find(name)
        except errors.InvalidArgument as error:
            yield error.message
            return
        if found is None and name not in self._protecting and name not in self._former:
            yield (
                f"there is no machine '{name}' under protection that this token sees: correct the name, or "
                "add a document 'kind: "
                "protection' for it"
            )

    def _of(self, change: Change, going: set[str]) -> AtField:
        wanted = change.wanted
        if wanted is not None:
            yield from self._sites(wanted)
        if isinstance(wanted, PolicyDocument):
            found = self._present.policies.get(wanted.name)
            if found is not None and found.read_only:
                yield ("name",), "it is the read-only twin of another policy: change that one"
        elif isinstance(wanted, VerificationDocument):
            yield from self._verification(wanted)
        elif isinstance(wanted, ProtectionDocument):
            yield from self._protection(change, wanted)
        elif isinstance(wanted, CardsDocument):
            yield from self._cards(wanted)
        elif isinstance(wanted, GroupDocument):
            yield from self._group(change, wanted, going)
        elif isinstance(wanted, PlanDocument | HooksDocument):
            yield from _twice(wanted)
        elif isinstance(wanted, DrillDocument):
            yield from self._drill(wanted)

    def _sites(self, wanted: AnyDocument) -> AtField:
        named = SITES.intersection(type(wanted).model_fields)
        fields = {field: getattr(wanted, field) for field in sorted(named)}
        for field, site in fields.items():
            if site not in self._around.sites:
                yield (field,), f"there is no site '{site}' that this token sees: see 'secondsite site list'"
        if len(set(fields.values())) < len(fields):
            yield (max(fields),), "two different sites are needed"

    def _verification(self, wanted: VerificationDocument) -> AtField:
        try:
            wanted.to_domain()
        except errors.InvalidArgument as problem:
            yield ("begins",), f"{problem.message.rstrip('.')}: {problem.do.rstrip('.')}"

    def _known_policy(self, wanted: ProtectionDocument) -> AtField:
        if wanted.policy not in self._policies:
            yield ("policy",), f"there is no policy '{wanted.policy}': add a document for it"

    def _protection(self, change: Change, wanted: ProtectionDocument) -> AtField:
        if change.action is Action.CHANGE:
            for each in change.fields:
                if each.field == "policy":
                    yield from self._known_policy(wanted)
                    continue
                yield (
                    (each.field,),
                    f"it is {_said(each.now)} and cannot be {_said(each.wanted)} while the machine is "
                    "protected: put what is there into the document, or end the protection first: "
                    f"secondsite machine disable-protection {shell.arguments(wanted.machine)}",
                )
            return
        yield from self._known_policy(wanted)
        site = self._around.unprotected.get(wanted.source_site)
        if site is None or site.problem is not None:
            return
        found = [each for each in site.machines if wanted.machine in (each.name, each.id)]
        if not found:
            yield ("machine",), f"site {wanted.source_site} has no machine '{wanted.machine}'"
            return
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            yield ("machine",), f"several machines are named so: give an id: {ids}"
        keys = {disk.key for disk in found[0].disks}
        strange = sorted(set(wanted.disks or ()) - keys)
        if strange:
            yield ("disks",), f"it has no disk {', '.join(strange)}, only {', '.join(sorted(keys))}"

    def _cards(self, wanted: CardsDocument) -> AtField:
        machine = self._present.find(wanted.machine)
        settings = None if machine is None else self._present.settings.get(machine.id)
        macs = [card.mac for card in wanted.cards]
        if len(set(macs)) < len(macs):
            yield ("cards",), "a card is named more than once"
        for card in wanted.cards:
            if settings is not None and card.mac not in [each.mac.lower() for each in settings.cards]:
                yield (
                    ("cards",),
                    (
                        f"it has no card {card.mac}: see 'secondsite card list "
                        f"{shell.arguments(wanted.machine)}'"
                    ),
                )
            if (card.network and not card.connected) or (card.test_network and not card.test_connected):
                yield (
                    ("cards",),
                    f"the card {card.mac} is to be on a network, and not connected: give one of the two",
                )
            problem = addresses.contradiction(
                card.address, card.gateway, card.dns_servers, from_pool=card.from_pool
            )
            if problem is not None:
                yield ("cards",), f"the card {card.mac} is to have {problem}"

    def _group(self, change: Change, wanted: GroupDocument, going: set[str]) -> AtField:
        now = change.now
        if isinstance(now, GroupDocument):
            for each in change.fields:
                if each.field in ("source_site", "target_site"):
                    yield (
                        (each.field,),
                        (
                            f"it is {_said(each.now)}: a group that is there keeps its sites; give this one "
                            "another name"
                        ),
                    )
        for name in wanted.machines:
            yield from ((("machines",), what) for what in self._joins(wanted, name, going))

    def _drill(self, wanted: DrillDocument) -> AtField:
        if bool(wanted.machines) is (wanted.plan is not None):
            yield ("machines",), "it is for machines or for a plan: give one of the two"
        if wanted.plan is not None and wanted.plan not in self._plans:
            yield ("plan",), f"there is no plan '{wanted.plan}': add a document for it"

    def _joins(self, group: GroupDocument, name: str, going: set[str]) -> Told:
        machine = self._present.find(name)
        if machine is None:
            asked = self._protecting.get(name)
            if asked and (asked.source_site, asked.target_site) != (group.source_site, group.target_site):
                yield (
                    f"{name} is to be protected from {asked.source_site} to {asked.target_site}, as the "
                    "group is not"
                )
            return
        if machine.group == group.name:
            return
        others = {key_of(each.document): each.document for each in self._given}
        other = others.get(("group", machine.group or ""))
        leaves = machine.group is None or machine.group in going or isinstance(other, GroupDocument)
        if not leaves:
            yield (
                f"{name} belongs to group '{machine.group}': take it out first: secondsite group remove "
                f"{shell.arguments(machine.group or '', name)}"
            )
        if isinstance(other, GroupDocument) and {name, machine.id, machine.name} & set(other.machines):
            yield (
                f"{name} is also in the document of group '{machine.group}': a machine belongs to one group "
                "at most"
            )
        if machine.state not in MAY_JOIN:
            yield f"{name} is {machine.state}: it can join when it is protected"

    def _deleted(self, change: Change) -> Told:
        if change.key[0] == "policy":
            found = self._present.policies[change.key[1]]
            if found.used_by:
                yield (
                    f"{change.what} is to be deleted, because no document names it, but machines use it: "
                    "add a document for it, or leave out --prune"
                )


def _names(given: LoadedDocument) -> AtField:
    """The machines that a document names, and where."""
    document = given.document
    if isinstance(document, CardsDocument | PropertiesDocument | HooksDocument):
        yield ("machine",), document.machine
    elif isinstance(document, GroupDocument | DrillDocument):
        yield from ((("machines", at), name) for at, name in enumerate(document.machines))
    elif isinstance(document, PlanDocument):
        for number, group in enumerate(document.groups):
            yield from ((("groups", number, "machines", at), name) for at, name in enumerate(group.machines))


def _twice(wanted: PlanDocument | HooksDocument) -> AtField:
    """What is in it more than once."""
    if isinstance(wanted, PlanDocument):
        yield from _plan(wanted)
    elif len({each.name for each in wanted.hooks}) < len(wanted.hooks):
        yield ("hooks",), "a hook is named more than once"


def _plan(wanted: PlanDocument) -> AtField:
    seen: set[str] = set()
    for number, group in enumerate(wanted.groups):
        for at, name in enumerate(group.machines):
            if name in seen:
                yield ("groups", number, "machines", at), f"{name} stands in the plan twice: leave one out"
            seen.add(name)
        yield from _actions(("groups", number, "before"), group.before)
        yield from _actions(("groups", number, "after"), group.after)


def _actions(where: tuple[str | int, ...], actions: Sequence[ActionPart]) -> AtField:
    for at, each in enumerate(actions):
        try:
            require_readable(each.name)
        except errors.InvalidArgument as problem:
            yield (*where, at, "name"), problem.message


def _said(value: object) -> str:
    return "not given" if value is None else f"'{value}'"
