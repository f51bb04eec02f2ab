"""What a notice can be about: a finding, the end of a job, a request for approval, a test."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ...ground.job_states import JobState
from .. import health
from ..health import HealthFinding, Severity
from ..lifecycle import Verb
from .targets import Jobs, Subscription

MOVES = frozenset({Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.CANCEL_FAILOVER, Verb.CHANGE_RECOVERY_POINT})
"""Verbs whose failed job may leave production down."""
_RANK = {Severity.WARNING: 0, Severity.CRITICAL: 1}


class Kind(StrEnum):
    """The kind of a notice."""

    FINDING = "finding"
    """A machine has a new finding."""
    GONE = "finding-gone"
    """The finding is over."""
    AGAIN = "finding-again"
    """The finding came and went, and was not reported each time."""
    JOB = "job"
    """A job has ended."""
    APPROVAL = "approval"
    """A request waits for a second person's approval."""
    REPORT = "report"
    """The weekly report."""
    TEST = "test"
    """A test of whether notices arrive."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What a notice is about. `code` is the finding's, else the verb; `about` is the machine, or the subject
    of the job; `at` is when it began (UTC)."""

    kind: Kind
    code: str
    severity: Severity
    about: str
    what: str
    at: datetime
    cause: str = ""
    do: str = ""
    about_id: str | None = None
    job_id: str | None = None
    until: datetime | None = None
    """When it is too late to act on it (UTC)."""

    @property
    def wakes(self) -> bool:
        """Whether it is sent in quiet hours too: after them is too late."""
        is_new = self.kind is not Kind.GONE and self.code in health.WAKES
        return is_new or self.severity is Severity.CRITICAL


def wants_finding(wanted: Subscription, finding: HealthFinding) -> bool:
    least = wanted.findings
    return least is not None and _RANK[finding.kind.severity] >= _RANK[least]


def wants_job(wanted: Subscription, verb: str, state: JobState) -> bool:
    if wanted.verbs and verb not in wanted.verbs:
        return False
    failed = state in (JobState.FAILED, JobState.PARTIALLY_SUCCEEDED)
    return wanted.jobs is Jobs.ENDED or (wanted.jobs is Jobs.FAILED and failed)


def job_severity(verb: str, state: JobState) -> Severity:
    failed = state in (JobState.FAILED, JobState.PARTIALLY_SUCCEEDED)
    return Severity.CRITICAL if failed and verb in MOVES else Severity.WARNING


def finding_came(about: str, about_id: str, finding: HealthFinding) -> Happening:
    kind = finding.kind
    return Happening(
        Kind.FINDING,
        finding.code,
        kind.severity,
        about,
        finding.told,
        finding.since,
        kind.cause,
        finding.do,
        about_id,
    )
