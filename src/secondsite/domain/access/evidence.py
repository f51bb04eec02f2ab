"""The evidence of a failover or a drill, and the check that a file of it is unchanged. Pure.

Its digest stands in the details of an entry of the audit log. Whoever can rewrite the whole log can rewrite
the evidence with it: only an export of the log that was kept elsewhere shows that.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from . import chain
from .chain import Entry, Link

FORMAT = "secondsite-evidence"
VERSION = 1
RECORDED = "evidence"
"""The verb of the audit log's entry for a piece of evidence."""

Document = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of checking a file of evidence. `wrong` is empty if everything fits. `proven` is what the
    check shows, `open` what it cannot show."""

    wrong: tuple[str, ...]
    proven: tuple[str, ...]
    open: tuple[str, ...]


def text_of(document: Document) -> str:
    """The document as canonical text: the same evidence always gives the same text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_of(document: Document) -> str:
    return hashlib.sha256(text_of(document).encode()).hexdigest()


def pictures_of(document: Document) -> frozenset[str]:
    """The SHA-256 of each picture that the document names."""
    machines = document.get("machines")
    pictures = (
        [each.get("picture") for each in machines if isinstance(each, dict)]
        if isinstance(machines, list)
        else []
    )
    named = [each.get("sha256") for each in pictures if isinstance(each, dict)]
    return frozenset(each for each in named if isinstance(each, str))


def verdict(
    document: Document,
    entry: Entry,
    log: Iterable[Entry] | None = None,
    pictures: Mapping[str, str] | None = None,
) -> Verdict:
    """Checks a document of evidence. `entry` and `pictures` (base64) are those that its file contains; `log`
    is an export of the audit log."""
    wrong = [*_wrong(document, entry), *_of_pictures(pictures_of(document), pictures or {})]
    proven = (
        []
        if wrong
        else [
            (
                "the evidence has the digest that its entry of the audit log names, and each of its pictures "
                "is there"
            )
        ]
    )
    if log is None:
        return Verdict(
            tuple(wrong), tuple(proven), (f"whether the audit log has this entry {entry.number}", WROTE_ALL)
        )
    exported = [*log]
    flaws = [*_flaws(entry, exported)]
    if not flaws:
        first, last = exported[0].number, exported[-1].number
        proven.append(
            f"the audit log's export has its entry {entry.number}, and is whole from entry {first} to entry "
            f"{last}"
        )
    return Verdict((*wrong, *flaws), tuple(proven), (WROTE_ALL,))


WROTE_ALL = (
    "whether somebody rewrote the whole log: keep exports of it elsewhere, and compare them with "
    "'secondsite audit verify'"
)


def _wrong(document: Document, entry: Entry) -> Iterable[str]:
    if chain.digest_of(entry) != entry.digest:
        yield f"entry {entry.number} of the audit log, as the file has it, was changed"
    if entry.verb != RECORDED or _named(entry) != digest_of(document):
        yield f"entry {entry.number} of the audit log names another digest: the evidence was changed"


def _of_pictures(named: Iterable[str], there: Mapping[str, str]) -> Iterable[str]:
    wanted = frozenset(named)
    for each in sorted(wanted):
        if each not in there:
            yield f"the picture {each} is missing"
        elif _digest_of_picture(there[each]) != each:
            yield f"the picture {each} is another one"
    for each in sorted(set(there) - wanted):
        yield f"the evidence does not name the picture {each[:64]}"


def _digest_of_picture(text: str) -> str:
    try:
        return hashlib.sha256(base64.b64decode(text, validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return ""


def _flaws(entry: Entry, log: list[Entry]) -> Iterable[str]:
    if not log:
        yield "the export of the audit log has no entries"
        return
    found = chain.check(log, Link(log[0].number - 1, log[0].former))
    if found.broken is not None:
        yield f"the export of the audit log is not whole from entry {found.broken} on: {found.what}"
    if entry.digest not in {each.digest for each in log}:
        yield f"the export of the audit log does not have entry {entry.number}, or has another one"


def _named(entry: Entry) -> JsonValue:
    try:
        told = json.loads(entry.details)
    except ValueError:
        return None
    return told.get("sha256") if isinstance(told, dict) else None
