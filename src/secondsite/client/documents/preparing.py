"""All of it but the changes themselves: what is there, what has to change, whether that can be done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...domain import errors
from ..vault import Vault
from . import checking, comparing, configuration, writing
from .comparing import Change
from .configuration import Present
from .kinds import KINDS, CardsDocument, HooksDocument, PropertiesDocument
from .loading import LoadedDocument, refuse
from .references import References, around
from .remarks import Remarks


@dataclass(frozen=True, slots=True)
class Prepared:
    """`missing`: what the token may not do; `wrong`: what stands in the way; `notes`: what does not, but is to be known."""

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


def prepare(vault: Vault, given: Sequence[LoadedDocument], *, prune: bool = False) -> Prepared:
    """Raises InvalidArgument for documents of which it is not clear what they mean."""
    cards = {each.document.machine for each in given if isinstance(each.document, CardsDocument)}
    named = {each.document.machine for each in given if isinstance(each.document, PropertiesDocument)}
    hooked = {each.document.machine for each in given if isinstance(each.document, HooksDocument)}
    found = configuration.read(vault, cards, named, hooked)
    unclear = [f"{each}." for each in checking.Checking(found, given, References()).machines()]
    refuse(unclear)
    changes = comparing.changes(found, given, prune=prune)
    there = around(vault, changes)
    return Prepared(
        present=found,
        changes=changes,
        missing=list(checking.missing_rights(vault.show().caller, changes)),
        wrong=list(checking.Checking(found, given, there).wrong(changes)),
        notes=list(Remarks(found, given, there).notes(changes)),
    )


def export(vault: Vault, kinds: Collection[str] = (), name: str | None = None) -> str:
    """What the token sees, as the text of a file: of these kinds, of all if none is named; only what has this `name`. Raises
    InvalidArgument, NotFound."""
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
