"""Evidence of failovers and drills: kept when their jobs are deleted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """Of one attempt at one job. `document` is JSON, `number` its entry in the audit log, which names `sha256` of it. `sites` are
    those of each of its machines."""

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


class Evidences(Protocol):
    def add(self, record: EvidenceRecord) -> None: ...
    def known(self, ids: Collection[str]) -> frozenset[str]:
        """Which of these are there."""

    def keep_pictures(self, evidence_id: str, named: Mapping[str, str]) -> None:
        """Copies of those of jobs: the SHA-256 of each, by the job's id."""

    def picture(self, evidence_id: str, sha256: str) -> bytes | None: ...
    def by_id(self, evidence_id: str) -> EvidenceRecord | None: ...
    def find(self, limit: int, after: int | None) -> Sequence[EvidenceRecord]:
        """Newest first: those whose entry in the audit log is before `after`."""
