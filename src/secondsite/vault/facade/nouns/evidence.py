"""Evidence whose machines the caller sees."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from ....domain import errors
from ....wire import rest
from ....wire.rest.access.evidence import EvidenceExport, EvidenceItem, EvidencePage
from ...store import AuditFilter, EvidenceRecord, Transaction
from ..parts import Parts
from ..shared.paging import Place, page, place_of

FIRST = rest.Paging()
AT_ONCE = 100


class Evidence:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, query: rest.Paging = FIRST) -> EvidencePage:
        """Newest first. Raises InvalidArgument for a bad cursor."""
        after = place_of(query.cursor, (int,))
        with self._parts.store.reading() as tx:
            seen = self._seen(tx, int(after[0]) if after else None)
            items, following = page(seen, query.limit, _place)
        return EvidencePage(items=tuple(_shape(each) for each in items), next=following)

    def show(self, evidence_id: str) -> EvidenceExport:
        """One piece of evidence. Raises NotFound, also if the caller does not see it."""
        with self._parts.store.reading() as tx:
            found = self._existing(tx, evidence_id)
            entries = tx.audit.find(AuditFilter(number=found.number), 1, None)
        entry = rest.AuditEntry(**asdict(entries[0])) if entries else None
        return EvidenceExport(evidence=json.loads(found.document), entry=entry)

    def picture(self, evidence_id: str, sha256: str) -> bytes:
        """A picture that the evidence names, a PNG. Raises NotFound."""
        with self._parts.store.reading() as tx:
            found = tx.evidence.picture(self._existing(tx, evidence_id).id, sha256)
        if found is None:
            raise errors.NotFound(
                f"Evidence {evidence_id} has no picture {sha256[:64]}.",
                do=f"See which it has: 'secondsite evidence show {evidence_id}'.",
            )
        return found

    def _existing(self, tx: Transaction, evidence_id: str) -> EvidenceRecord:
        found = tx.evidence.by_id(evidence_id)
        if found is None or not self._sees(found):
            raise errors.NotFound(
                f"There is no evidence {evidence_id}.", do="See which there is: 'secondsite evidence list'."
            )
        return found

    def _seen(self, tx: Transaction, after: int | None) -> Iterator[EvidenceRecord]:
        while found := tx.evidence.find(AT_ONCE, after, self._parts.caller.grant.site):
            yield from (each for each in found if self._sees(each))
            after = found[-1].number

    def _sees(self, record: EvidenceRecord) -> bool:
        if self._parts.sees():
            return True
        return bool(record.sites) and all(sites and self._parts.sees(*sites) for sites in record.sites)


def _place(record: EvidenceRecord) -> Place:
    return (record.number,)


def _shape(record: EvidenceRecord) -> EvidenceItem:
    return EvidenceItem(**{name: getattr(record, name) for name in EvidenceItem.model_fields})
