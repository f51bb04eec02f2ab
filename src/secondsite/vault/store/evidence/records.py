"""Evidence, each in a row that is never changed."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from ... import ports
from .. import rows
from ..pictures.tables import pictures
from .tables import evidence, evidence_pictures


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

    def keep_pictures(self, evidence_id: str, named: Mapping[str, str]) -> None:
        """They never leave the database: of 1,000 machines they are hundreds of megabytes."""
        each_once = {sha256: job_id for job_id, sha256 in named.items()}
        for sha256, job_id in sorted(each_once.items()):
            copied = select(literal(evidence_id), literal(sha256), pictures.c.png).where(
                pictures.c.job_id == job_id
            )
            columns = ("evidence_id", "sha256", "png")
            self._session.execute(insert(evidence_pictures).from_select(columns, copied))

    def picture(self, evidence_id: str, sha256: str) -> bytes | None:
        kept = evidence_pictures.c
        wanted = select(kept.png).where(kept.evidence_id == evidence_id, kept.sha256 == sha256)
        return self._session.execute(wanted).scalar_one_or_none()

    def by_id(self, evidence_id: str) -> ports.EvidenceRecord | None:
        return rows.one(
            self._session, ports.EvidenceRecord, select(evidence).where(evidence.c.id == evidence_id)
        )

    def find(self, limit: int, after: int | None) -> Sequence[ports.EvidenceRecord]:
        query = select(evidence).order_by(evidence.c.number.desc()).limit(limit)
        if after is not None:
            query = query.where(evidence.c.number < after)
        return rows.many(self._session, ports.EvidenceRecord, query)
