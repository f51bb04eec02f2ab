"""Compares documents with a vault: what has to change for the vault to have what they say."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...domain import errors
from ...wire.common.properties import TargetProperties
from ...wire.rest import Machine
from . import writing
from .configuration import Present, cards_document, hooks_document, properties_document
from .kinds import (
    KINDS,
    PRUNED,
    AnyDocument,
    CardsDocument,
    DrillDocument,
    GroupDocument,
    HooksDocument,
    Key,
    PairDocument,
    PlanDocument,
    PropertiesDocument,
    ProtectionDocument,
    VerificationDocument,
    called,
    key_of,
)
from .loading import LoadedDocument

NEVER_PRUNED = frozenset({("policy", "default")})


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field with another value; None: it has no value."""

    field: str
    now: object
    wanted: object


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one thing; `given` is the document that asks for it, None for a deletion."""

    action: Action
    key: Key
    given: LoadedDocument | None
    wanted: AnyDocument | None
    now: AnyDocument | None

    @property
    def what(self) -> str:
        return called(self.key)

    @property
    def fields(self) -> Sequence[FieldChange]:
        now = {} if self.now is None else writing.fields(self.now)
        wanted = {} if self.wanted is None else writing.fields(self.wanted)
        names = dict.fromkeys([*wanted, *now])
        return [
            FieldChange(name, now.get(name), wanted.get(name))
            for name in names
            if now.get(name) != wanted.get(name)
        ]


def changes(present: Present, given: Sequence[LoadedDocument], *, prune: bool = False) -> Sequence[Change]:
    """The changes by kind, in the order in which they are made; deletions come last. Raises InvalidArgument
    for a machine's name that several have, when nothing has been checked."""
    kinds = {each.document.kind for each in given}
    there = present.documents(kinds)
    wanted = {
        key_of(each): (each, source) for source in given for each in [canonical(present, source.document)]
    }
    found = [
        change
        for key, (document, source) in wanted.items()
        for change in [_change(key, document, source, there.get(key))]
        if change is not None
    ]
    order = list(KINDS)
    found.sort(key=lambda each: (order.index(each.key[0]), each.key))
    return [*found, *(_deleted(there, wanted) if prune else ())]


def canonical(present: Present, document: AnyDocument) -> AnyDocument:
    """The same document, with the same names as `present` uses."""
    say = _CANONICAL.get(type(document))
    return document if say is None else say(present, document)


def machine(present: Present, name: str) -> str:
    """The machine's name as a document has it; the given name if there is no such machine."""
    try:
        found = present.find(name)
    except errors.InvalidArgument:
        return name
    return name if found is None else present.name(found)


def _change(
    key: Key, document: AnyDocument, source: LoadedDocument, now: AnyDocument | None
) -> Change | None:
    if now is None and isinstance(document, CardsDocument):
        now = cards_document(document.machine, ())
    if now is None and isinstance(document, PropertiesDocument):
        now = properties_document(document.machine, TargetProperties())
    if now is None and isinstance(document, HooksDocument):
        now = hooks_document(document.machine, ())
    if now is None and isinstance(document, VerificationDocument):
        now = VerificationDocument(kind="verification", site=document.site)
    if document == now:
        return None
    action = Action.CREATE if now is None else Action.CHANGE
    return Change(action, key, source, document, now)


def _deleted(there: dict[Key, AnyDocument], wanted: Iterable[Key]) -> Sequence[Change]:
    gone = {
        key: now
        for key, now in there.items()
        if key[0] in PRUNED and key not in wanted and key not in NEVER_PRUNED
    }
    order = list(KINDS)
    keys = sorted(gone, key=lambda key: (-order.index(key[0]), key))
    return [Change(Action.DELETE, key, None, None, gone[key]) for key in keys]


def _protection(present: Present, document: ProtectionDocument) -> AnyDocument:
    name = machine(present, document.machine)
    found = next((each for each in present.machines if present.name(each) == name), None)
    disks = None if document.disks is None else tuple(sorted(set(document.disks)))
    if found is not None and disks is not None and set(disks) == {each.key for each in found.disks}:
        disks = None
    return document.model_copy(
        update={
            "machine": name,
            "disks": disks,
            "encrypt": document.encrypt or _by_policy(present, document, found),
        }
    )


def _by_policy(present: Present, document: ProtectionDocument, found: Machine | None) -> bool:
    """Whether its replica is encrypted because its policy says so."""
    policy = present.policies.get(document.policy)
    return found is not None and found.encryption.wanted and policy is not None and policy.encrypt


def _pair(_present: Present, document: PairDocument) -> AnyDocument:
    first, second = sorted((document.first, document.second))
    return document.model_copy(update={"first": first, "second": second})


def _cards(present: Present, document: CardsDocument) -> AnyDocument:
    return cards_document(machine(present, document.machine), document.cards)


def _properties(present: Present, document: PropertiesDocument) -> AnyDocument:
    """The properties without a target name that equals the machine's own, which sets nothing."""
    name, found = machine(present, document.machine), present.find(document.machine)
    own = found.name if found is not None else document.machine
    other = None if document.target_name == own else document.target_name
    return document.model_copy(update={"machine": name, "target_name": other})


def _hooks(present: Present, document: HooksDocument) -> AnyDocument:
    return hooks_document(machine(present, document.machine), document.hooks)


def _group(present: Present, document: GroupDocument) -> AnyDocument:
    members = {machine(present, each) for each in document.machines}
    return document.model_copy(update={"machines": tuple(sorted(members))})


def _plan(present: Present, document: PlanDocument) -> AnyDocument:
    parts = [
        part.model_copy(update={"machines": tuple(machine(present, each) for each in part.machines)})
        for part in document.groups
    ]
    return document.model_copy(update={"groups": tuple(parts)})


def _drill(present: Present, document: DrillDocument) -> AnyDocument:
    return document.model_copy(
        update={"machines": tuple(machine(present, each) for each in document.machines)}
    )


_CANONICAL: dict[type[AnyDocument], Callable[[Present, Any], AnyDocument]] = {
    ProtectionDocument: _protection,
    PairDocument: _pair,
    CardsDocument: _cards,
    PropertiesDocument: _properties,
    HooksDocument: _hooks,
    GroupDocument: _group,
    PlanDocument: _plan,
    DrillDocument: _drill,
}
