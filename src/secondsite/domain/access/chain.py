"""The audit log's chain: each entry's digest covers the entry and the digest of the one before. Pure.

An entry that was changed, deleted or moved by hand is found. Whoever rewrites the whole chain from some entry
on, and its head, is found only by a digest that was kept elsewhere: in the vault's log, or in an export.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a request, as an entry of the audit log has it."""

    DONE = "done"
    """It changed something, in the transaction of the entry."""
    BEGUN = "begun"
    """It is about to change something outside the database. If no entry follows, nobody knows whether it
    did."""
    ASKED = "asked"
    """It waits for a second person's approval."""
    EXPIRED = "expired"
    """It waited for an approval and got none in time."""
    REFUSED = "refused"
    """It was answered with an error."""
    PRUNED = "pruned"
    """The vault itself deleted entries that are older than the setting says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act of a person or of the vault. `details` is JSON: what was asked, and the values before and
    after."""

    at: datetime
    who: str
    token_id: str
    address: str
    verb: str
    object: str
    outcome: Outcome
    code: int | None = None
    job_id: str | None = None
    details: str = "{}"
    number: int = 0
    former: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry by its number and digest."""

    number: int = 0
    digest: str = "0" * 64


BEGINNING = Link()


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The result of a check of the chain. `broken` is the number of the first entry that is wrong or missing,
    None for a chain that is whole; `last` is the last entry up to which it is whole."""

    entries: int
    last: Link
    broken: int | None = None
    what: str = ""


def linked(entry: Entry, before: Link) -> Entry:
    """The entry, numbered and with its digest, as the next one of the chain."""
    placed = replace(entry, number=before.number + 1, former=before.digest, digest="")
    return replace(placed, digest=digest_of(placed))


def digest_of(entry: Entry) -> str:
    said = asdict(entry) | {"at": entry.at.astimezone(UTC).isoformat(timespec="microseconds")}
    del said["digest"]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def link_of(entry: Entry) -> Link:
    return Link(entry.number, entry.digest)


def check(entries: Iterable[Entry], after: Link = BEGINNING) -> ChainCheck:
    """Checks that the entries, in their order, are one chain that follows `after`."""
    last, count = after, 0
    for entry in entries:
        wrong = _wrong(entry, last)
        if wrong:
            return ChainCheck(count, last, last.number + 1, wrong)
        last, count = link_of(entry), count + 1
    return ChainCheck(count, last)


def _wrong(entry: Entry, before: Link) -> str:
    if entry.number != before.number + 1:
        return f"entry {before.number + 1} is missing, entry {entry.number} follows"
    if digest_of(entry) != entry.digest:
        return f"entry {entry.number} was changed"
    if entry.former != before.digest:
        return f"entry {entry.number} does not follow the entry before it, which was replaced"
    return ""
