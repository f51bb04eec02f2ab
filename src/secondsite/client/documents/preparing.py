"""Prepares changes: reads what is there, finds what has to change, and checks whether that can be done."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ...domain import errors
from ...domain.amounts import size
from ..vault import Vault
from . import checking, comparing, configuration, writing
from .comparing import Action, Change
from .configuration import Present
from .kinds import (
    KINDS,
    CardsDocument,
    HooksDocument,
    MappingDocument,
    PoolDocument,
    PropertiesDocument,
    ProtectionDocument,
)
from .loading import LoadedDocument, refuse
from .references import References, around


@dataclass(frozen=True, slots=True)
class DocumentPreparation:
    """Changes, ready to be made. `missing`: rights that the token lacks; `wrong`: what is in the way;
    `notes`: what is not, but should be known."""

    present: Present
    changes: Sequence[Change]
    missing: Sequence[str]
    wrong: Sequence[str]
    notes: Sequence[str]

    def require(self) -> None:
        """Raises Forbidden or InvalidArgument, which tell everything at once: nothing may be changed."""
        if self.missing:
            raise errors.Forbidden("\n".join(f"{each}." for each in self.missing))
        refuse([f"{each}." for each in self.wrong])


def prepare(vault: Vault, given: Sequence[LoadedDocument], *, prune: bool = False) -> DocumentPreparation:
    """Read the vault, and compare and check the documents. Raises InvalidArgument for ambiguous documents."""
    cards = {each.document.machine for each in given if isinstance(each.document, CardsDocument)}
    named = {each.document.machine for each in given if isinstance(each.document, PropertiesDocument)}
    hooked = {each.document.machine for each in given if isinstance(each.document, HooksDocument)}
    found = configuration.read(vault, cards, named, hooked)
    unclear = [f"{each}." for each in checking.DocumentChecker(found, given, References()).machines()]
    refuse(unclear)
    changes = comparing.changes(found, given, prune=prune)
    there = around(vault, changes)
    return DocumentPreparation(
        present=found,
        changes=changes,
        missing=list(checking.missing_rights(vault.show().caller, changes)),
        wrong=list(checking.DocumentChecker(found, given, there).wrong(changes)),
        notes=list(Remarks(found, given, there).notes(changes)),
    )


def export(vault: Vault, kinds: Collection[str] = (), name: str | None = None) -> str:
    """What the token sees, as the text of a file: of these kinds, or of all if none is named; with `name`
    only things of that name. Raises InvalidArgument, NotFound."""
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise errors.InvalidArgument(
            f"There are no documents of the kind {', '.join(unknown)}.",
            do=f"Name some of {', '.join(KINDS)}.",
        )
    wanted = set(kinds) or set(KINDS)
    of_machines = [None if kind in wanted else () for kind in ("cards", "properties", "hooks")]
    found = configuration.read(vault, *of_machines)
    documents = [each for key, each in found.documents(wanted).items() if name is None or name in key[1:]]
    if name is not None and not documents:
        raise errors.NotFound(f"There is nothing named '{name}' to export.", do="See 'secondsite export'.")
    return writing.written(documents)


# What does not stand in the way of changes, but is to be known: networks that are missing, space that may
# not do.

Told = Iterator[str]


class Remarks:
    def __init__(self, present: Present, given: Sequence[LoadedDocument], around: References) -> None:
        self._present = present
        self._around = around
        self._protecting = {
            each.document.machine: each.document
            for each in given
            if isinstance(each.document, ProtectionDocument)
        }

    def notes(self, changes: Sequence[Change]) -> Told:
        """What does not stand in the way now: networks that are missing, space that may not do."""
        for change in changes:
            wanted = change.wanted
            if isinstance(wanted, MappingDocument):
                yield from self._network(change, wanted.source_site, wanted.source_network)
                yield from self._network(change, wanted.target_site, wanted.target_network)
            elif isinstance(wanted, PoolDocument):
                yield from self._network(change, wanted.site, wanted.network)
            elif isinstance(wanted, CardsDocument):
                for card in wanted.cards:
                    for network in filter(None, (card.network, card.test_network)):
                        yield from self._network(change, self._away(wanted.machine), network)
        yield from self._space(changes)

    def _away(self, name: str) -> str:
        machine = self._present.find(name)
        return machine.target_site or "" if machine is not None else self._protecting[name].target_site

    def _network(self, change: Change, site: str, network: str) -> Told:
        known = self._around.networks.get(site)
        if known is None:
            return
        if network not in [each.name for each in known.networks]:
            when = f" (as it was last seen: {known.problem.message})" if known.problem else ""
            yield f"{change.what}: site {site} has no network '{network}' now{when}: make it before a failover"  # noqa: E501

    def _space(self, changes: Sequence[Change]) -> Told:
        """What the new replicas may grow to, against the store of the site that has most free space."""
        needed: dict[str, int] = {}
        for change in changes:
            wanted = change.wanted
            if isinstance(wanted, ProtectionDocument) and change.action is Action.CREATE:
                needed[wanted.target_site] = needed.get(wanted.target_site, 0) + self._bytes_of(wanted)
                site = self._around.unprotected.get(wanted.source_site)
                if site is not None and site.problem is not None:
                    yield (
                        f"{change.what}: site {site.site} cannot be asked whether it has the machine: "
                        f"{site.problem.message}"
                    )
        for site_name, total in sorted(needed.items()):
            yield from self._holds(site_name, total)

    def _holds(self, site: str, total: int) -> Told:
        at = [each for each in self._around.appliances if each.site == site]
        free = sum(each.store_free_bytes or 0 for each in at)
        if not any(each.connected for each in at):
            yield f"site {site}: none of its appliances is connected, so nothing can be protected there now"
        elif free < total:
            yield (
                f"site {site}: the disks to be protected have {size(total)}, its stores have {size(free)} "
                "free"
            )

    def _bytes_of(self, wanted: ProtectionDocument) -> int:
        site = self._around.unprotected.get(wanted.source_site)
        machines = (
            [] if site is None else [each for each in site.machines if wanted.machine in (each.name, each.id)]
        )
        return sum(
            disk.size_bytes
            for machine in machines[:1]
            for disk in machine.disks
            if wanted.disks is None or disk.key in wanted.disks
        )
