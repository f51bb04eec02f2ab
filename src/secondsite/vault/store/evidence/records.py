"""Evidence, each in a row that is never changed."""

from collections.abc import Collection, Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from .tables import evidence


class SqlEvidence:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: ports.EvidenceRecord) -> None:
        self._session.execute(insert(evidence).values(**rows.row(record)))

    def known(self, ids: Collection[str]) -> frozenset[str]:
        found: set[str] = set()
        for part in rows.parts(sorted(ids)):
            found.update(
                self._session.execute(select(evidence.c.id).where(evidence.c.id.in_(part))).scalars()
            )
        return frozenset(found)

    def by_id(self, evidence_id: str) -> ports.EvidenceRecord | None:
        return rows.one(
            self._session, ports.EvidenceRecord, select(evidence).where(evidence.c.id == evidence_id)
        )

    def find(self, limit: int, after: int | None) -> Sequence[ports.EvidenceRecord]:
        query = select(evidence).order_by(evidence.c.number.desc()).limit(limit)
        if after is not None:
            query = query.where(evidence.c.number < after)
        return rows.many(self._session, ports.EvidenceRecord, query)
