"""Writes documents as YAML: the same documents give the same text."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from . import reading
from .kinds import KINDS, AnyDocument, CardsDocument, PlanDocument, key_of

ORDER = tuple(KINDS)
TEXT = "tag:yaml.org,2002:str"
BREAKS = re.compile("[\x85\u2028\u2029]")


def ordered(documents: Iterable[AnyDocument]) -> list[AnyDocument]:
    """The documents by kind, in the order in which they are applied, and by name."""
    return sorted(documents, key=lambda each: (ORDER.index(each.kind), key_of(each)))


def written(documents: Iterable[AnyDocument]) -> str:
    """The text of a file, with a line between two documents."""
    return "---\n".join(_text(each) for each in ordered(documents))


def _text(document: AnyDocument) -> str:
    text: str = yaml.dump(fields(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Quotes texts that would otherwise be read as something else, or that have unusual line breaks."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if BREAKS.search(text) else "'" if reading.is_no_text(text) else None
    return dumper.represent_scalar(TEXT, text, style=style)


_Dumper.add_representer(str, _represented)


def fields(document: AnyDocument) -> dict[str, Any]:
    """All fields of a document; of its parts only fields that differ from their defaults."""
    plain = document.model_dump(mode="json", exclude_none=True)
    if isinstance(document, CardsDocument):
        plain["cards"] = [
            _short(card.model_dump(mode="json", exclude_defaults=True)) for card in document.cards
        ]
    if isinstance(document, PlanDocument):
        plain["groups"] = [
            _short(part.model_dump(mode="json", exclude_defaults=True)) for part in document.groups
        ]
    return plain


def _short(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value not in (None, [])}
