"""What is kept of failovers and drills."""

from pydantic import AwareDatetime, Field

from ...common.base import Shape
from ...common.numbers import Kept
from ..errors import Page
from .audit import AuditEntry


class EvidenceItem(Shape):
    """Evidence of one attempt at one job."""

    id: str
    """The id of this evidence."""
    job_id: str
    """The job, which may be deleted by now."""
    verb: str
    """What was done."""
    subject: str
    """The machines' or the plan's name, as it was then."""
    state: str
    """How the job ended."""
    requested_by: str
    """The name of the token with which it was asked for."""
    ended_at: AwareDatetime
    """When it ended (UTC)."""
    sha256: str
    """Digest of the evidence, which its entry in the audit log names."""
    number: int
    """The number of that entry."""


class EvidencePage(Page[EvidenceItem]):
    """Evidence, newest first."""


class EvidenceExport(Shape):
    """Evidence with its entry in the audit log: can be verified without a vault."""

    evidence: Kept
    """What was done, by whom, when, with which result."""
    entry: AuditEntry | None
    """Its entry in the audit log; null: the log is kept for a shorter time, and has deleted it."""


class EvidenceFile(EvidenceExport):
    """What the command `evidence export` writes: evidence, its entry, and its pictures."""

    pictures: dict[str, str] = Field(default_factory=dict)
    """Each PNG as base64, by its SHA-256, which the evidence names."""
