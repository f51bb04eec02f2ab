"""The audit log: who did what, and whether the log itself is whole."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

from ....domain.access import chain
from ....domain.access.chain import Entry, Link, Outcome
from ....wire import rest
from ...store import AuditFilter
from ..acts import append, text_of
from ..callers import THE_VAULT
from ..parts import Parts
from ..shared.paging import Place, page, place_of

EVERY = rest.AuditQuery()
PRUNE = "prune"


class Audit:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, query: rest.AuditQuery = EVERY) -> rest.AuditPage:
        """Raises InvalidArgument for a bad cursor."""
        after = place_of(query.cursor, (int,))
        with self._parts.store.reading() as tx:
            found = tx.audit.find(_wanted(query), query.limit + 1, int(after[0]) if after else None)
        items, following = page(found, query.limit, _place)
        return rest.AuditPage(items=tuple(_shape(entry) for entry in items), next=following)

    def verify(self) -> rest.AuditCheck:
        """Check the whole log. Raises DeadlineExceeded when many requests take long already."""
        with self._parts.waiting.one(self._parts.caller), self._parts.store.reading() as tx:
            ends = tx.audit.ends()
            claims = _Claims()
            found = chain.check(claims.reading(tx.audit.chain()), ends.anchor)
        broken, what = found.broken, found.what
        if broken is None and found.last != ends.head:
            broken = found.last.number + 1
            what = f"the log ends with entry {found.last.number}, but its head is {ends.head.number}"
        if broken is None and ends.anchor.number and claims.anchor != ends.anchor:
            broken, what = (
                ends.anchor.number,
                "entries before the first one were deleted, but not by pruning",
            )
        return rest.AuditCheck(
            intact=broken is None,
            entries=found.entries,
            first_number=ends.anchor.number + 1,
            head_number=ends.head.number,
            head_digest=ends.head.digest,
            broken_number=broken,
            what=what,
        )

    def settings(self) -> rest.AuditSettings:
        with self._parts.store.reading() as tx:
            return rest.AuditSettings(kept_days=tx.audit.ends().kept_days)

    def keep(self, wanted: rest.AuditSettings) -> rest.AuditSettings:
        """Set how long entries are kept."""
        with self._parts.changing() as tx:
            self._parts.note(rest.AuditSettings(kept_days=tx.audit.ends().kept_days), wanted)
            tx.audit.keep(wanted.kept_days)
        return wanted

    def prune(self) -> None:
        """Delete entries that are older than the setting says. The pruning's entry holds the digest of the
        last deleted one, so the rest can still be verified."""
        with self._parts.store.reading() as tx:
            kept_days = tx.audit.ends().kept_days
            if kept_days is None:
                return
            anchor = tx.audit.last_before(self._parts.deps.lived() - timedelta(days=kept_days))
        if anchor is not None:
            with self._parts.store.transaction() as tx:
                append(tx, self._pruned(anchor, kept_days))
                tx.audit.cut(anchor)

    def _pruned(self, anchor: Link, kept_days: int) -> Entry:
        told = text_of({"number": anchor.number, "digest": anchor.digest, "kept_days": kept_days})
        return Entry(
            at=self._parts.now(), who=THE_VAULT.name, token_id="", address="", verb=PRUNE, object="/audit",
            outcome=Outcome.PRUNED, details=told,
        )  # fmt: skip


class _Claims:
    """The last entry that the newest pruning in the log claims to have deleted."""

    def __init__(self) -> None:
        self.anchor: Link | None = None

    def reading(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            yield entry  # when the next one is read, this one was found whole
            if entry.outcome is Outcome.PRUNED:
                self.anchor = _deleted(entry)


def _deleted(pruning: Entry) -> Link | None:
    """The last entry that it deleted; None if it does not name one, such as a forged entry."""
    try:
        told = json.loads(pruning.details)
        return Link(told["number"], told["digest"])
    except (ValueError, KeyError, TypeError):
        return None


def _wanted(query: rest.AuditQuery) -> AuditFilter:
    return AuditFilter(
        who=query.who,
        verb=query.verb,
        object=query.object,
        outcome=query.outcome,
        job_id=query.job,
        number=query.number,
        since=query.since,
        before=query.before,
        oldest_first=query.oldest_first,
    )


def _place(entry: Entry) -> Place:
    return (entry.number,)


def _shape(entry: Entry) -> rest.AuditEntry:
    return rest.AuditEntry(**asdict(entry))
