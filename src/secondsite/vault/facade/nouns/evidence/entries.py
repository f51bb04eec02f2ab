"""Evidence, as far as the caller sees its machines."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from .....domain import errors
from .....wire import rest
from .... import ports
from ...parts import Parts
from ...shared.paging import Place, page, place_of

FIRST = rest.Paging()
AT_ONCE = 100


class Evidence:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def list(self, query: rest.Paging = FIRST) -> rest.EvidencePage:
        """Newest first. Raises InvalidArgument for a bad cursor."""
        after = place_of(query.cursor, (int,))
        with self._parts.store.reading() as tx:
            seen = self._seen(tx, int(after[0]) if after else None)
            items, following = page(seen, query.limit, _place)
        return rest.EvidencePage(items=tuple(_shape(each) for each in items), next=following)

    def show(self, evidence_id: str) -> rest.EvidenceExport:
        """Raises NotFound, also for what the caller does not see."""
        with self._parts.store.reading() as tx:
            found = tx.evidence.by_id(evidence_id)
            if found is None or not self._sees(found):
                raise errors.NotFound(
                    f"There is no evidence {evidence_id}.",
                    do="See which there is: 'secondsite evidence list'.",
                )
            entries = tx.audit.find(ports.AuditWanted(number=found.number), 1, None)
        entry = rest.AuditEntry(**asdict(entries[0])) if entries else None
        return rest.EvidenceExport(evidence=json.loads(found.document), entry=entry)

    def _seen(self, tx: ports.Transaction, after: int | None) -> Iterator[ports.EvidenceRecord]:
        while found := tx.evidence.find(AT_ONCE, after):
            yield from (each for each in found if self._sees(each))
            after = found[-1].number

    def _sees(self, record: ports.EvidenceRecord) -> bool:
        if self._parts.sees():
            return True
        return bool(record.sites) and all(sites and self._parts.sees(*sites) for sites in record.sites)


def _place(record: ports.EvidenceRecord) -> Place:
    return (record.number,)


def _shape(record: ports.EvidenceRecord) -> rest.EvidenceItem:
    return rest.EvidenceItem(**{name: getattr(record, name) for name in rest.EvidenceItem.model_fields})
