"""Evidence of failovers and drills: rows that are never changed, and outlive jobs and machines."""

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text, cast, insert, literal, select
from sqlalchemy.orm import Session

from .pictures import PICTURES
from .sql import rows
from .sql.columns import ShapeColumn, UtcDateTime, metadata


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """Evidence of one attempt at one job. `document` is JSON, `number` is that of its entry in the audit log,
    which names its `sha256`. `sites` are those of each of its machines."""

    id: str
    job_id: str
    verb: str
    subject: str
    state: str
    requested_by: str
    ended_at: datetime
    sites: tuple[tuple[str, ...], ...]
    sha256: str
    number: int
    document: str


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """Evidence without its document, which may be megabytes."""

    id: str
    job_id: str
    verb: str
    subject: str
    state: str
    requested_by: str
    ended_at: datetime
    sites: tuple[tuple[str, ...], ...]


EVIDENCE = Table(
    "evidence",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("job_id", String(64), nullable=False),
    Column("verb", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("sites", ShapeColumn(tuple[tuple[str, ...], ...]), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("number", Integer, nullable=False, unique=True),
    Column("document", Text, nullable=False),
)

EVIDENCE_PICTURES = Table(
    "evidence_pictures",
    metadata,
    Column("evidence_id", String(80), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("png", LargeBinary, nullable=False),
)


class Evidences:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, record: EvidenceRecord) -> None:
        self._session.execute(insert(EVIDENCE).values(**rows.row(record)))

    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Those of these ids that exist."""
        found: set[str] = set()
        for part in rows.parts(sorted(ids)):
            found.update(
                self._session.execute(select(EVIDENCE.c.id).where(EVIDENCE.c.id.in_(part))).scalars()
            )
        return frozenset(found)

    def keep_pictures(self, evidence_id: str, named: Mapping[str, str]) -> None:
        """Copy the jobs' pictures inside the database: those of 1,000 machines are hundreds of megabytes."""
        each_once = {sha256: job_id for job_id, sha256 in named.items()}
        for sha256, job_id in sorted(each_once.items()):
            copied = select(literal(evidence_id), literal(sha256), PICTURES.c.png).where(
                PICTURES.c.job_id == job_id
            )
            columns = ("evidence_id", "sha256", "png")
            self._session.execute(insert(EVIDENCE_PICTURES).from_select(columns, copied))

    def picture(self, evidence_id: str, sha256: str) -> bytes | None:
        kept = EVIDENCE_PICTURES.c
        wanted = select(kept.png).where(kept.evidence_id == evidence_id, kept.sha256 == sha256)
        return self._session.execute(wanted).scalar_one_or_none()

    def by_id(self, evidence_id: str) -> EvidenceRecord | None:
        return rows.one(self._session, EvidenceRecord, select(EVIDENCE).where(EVIDENCE.c.id == evidence_id))

    def lines(self, since: datetime, before: datetime, verbs: Collection[str]) -> Sequence[EvidenceLine]:
        """Evidence of these verbs that ended in that time, newest first."""
        of = EVIDENCE.c
        columns = [of[each.name] for each in dataclasses.fields(EvidenceLine)]
        query = select(*columns).where(of.ended_at >= since, of.ended_at < before, of.verb.in_(sorted(verbs)))
        return rows.many(self._session, EvidenceLine, query.order_by(of.number.desc()))

    def last_of(self, subject: str, verbs: Collection[str]) -> EvidenceRecord | None:
        """The newest evidence of these verbs of a subject."""
        of = EVIDENCE.c
        query = select(EVIDENCE).where(of.subject == subject, of.verb.in_(sorted(verbs)))
        return rows.one(self._session, EvidenceRecord, query.order_by(of.number.desc()).limit(1))

    def find(self, limit: int, after: int | None, site: str | None = None) -> Sequence[EvidenceRecord]:
        """Evidence, newest first; only that whose entry in the audit log is before `after`, and in which
        `site` occurs."""
        query = select(EVIDENCE).order_by(EVIDENCE.c.number.desc()).limit(limit)
        if after is not None:
            query = query.where(EVIDENCE.c.number < after)
        if site is not None:
            query = query.where(cast(EVIDENCE.c.sites, Text).contains(json.dumps(site), autoescape=True))
        return rows.many(self._session, EvidenceRecord, query)
