"""The weekly report: how well machines are protected, for those who account for it."""

from pydantic import AwareDatetime

from ....domain.access.chain import Outcome
from ....domain.health import Health, Severity
from ....domain.lifecycle import State, Verb
from ...common.base import Problem, Shape


class SiteCoverage(Shape):
    """How many of a site's machines are protected."""

    site: str
    """Its name."""
    machines: int
    """How many machines are known there: protected ones, those that run there after a failover, and those
    that are not protected."""
    protected: int
    """How many of them are protected to another site, or are being copied there."""
    seen_at: AwareDatetime | None = None
    """As of when the unprotected ones are known (UTC); null: they are those of now."""
    problem: Problem | None = None
    """Why the site could not be asked for its machines; unprotected ones may be missing."""


class ReportMachine(Shape):
    """A machine under protection, against its goals."""

    id: str
    """Its id."""
    machine: str
    """Its name."""
    source_site: str
    """Where it is protected from."""
    target_site: str
    """Where its replica is."""
    policy: str
    """Its replication policy."""
    state: State
    """Its state."""
    health: Health
    """Its health."""
    rpo_seconds: float | None = None
    """Its RPO now; null: it has no usable point."""
    rpo_goal_seconds: int | None = None
    """The policy's RPO threshold; null: the policy is gone."""
    rpo_within: float | None = None
    """In which part of the samples of the week it was within that, 0 to 1; null: there are no samples."""
    rpo_worst_seconds: float | None = None
    """The worst of these samples."""
    rto_seconds: float | None = None
    """How long its last drill or failover took until it was proven to run; null: there was none."""
    rto_goal_seconds: int | None = None
    """The policy's goal for that; null: none is set."""
    rto_verb: Verb | None = None
    """What that was."""
    rto_at: AwareDatetime | None = None
    """When that ended (UTC)."""
    drilled_at: AwareDatetime | None = None
    """When its last test failover was completed (UTC); null: none was."""
    drill_failed: bool = False
    """Whether the last test failover failed, and none has passed since."""
    proven_at: AwareDatetime | None = None
    """When its last good drill ended (UTC); null: there was none."""
    drifted_since: AwareDatetime | None = None
    """Since when it differs from what that drill proved (UTC); null: it does not, as far as is known."""
    changes: tuple[str, ...] = ()
    """What differs, in sentences."""

    @property
    def meets_rpo(self) -> bool | None:
        """Whether it is within its RPO threshold now; None: not known."""
        if self.rpo_seconds is None or self.rpo_goal_seconds is None:
            return None
        return self.rpo_seconds <= self.rpo_goal_seconds

    @property
    def meets_rto(self) -> bool | None:
        """Whether the last drill or failover met the goal; None: there is no goal, or was none to measure."""
        if self.rto_seconds is None or self.rto_goal_seconds is None:
            return None
        return self.rto_seconds <= self.rto_goal_seconds


class ReportPlan(Shape):
    """A recovery plan against its goal."""

    plan: str
    """Its name."""
    machines: int
    """How many machines are in it."""
    rto_goal_seconds: int | None = None
    """Its goal; null: none is set."""
    rto_seconds: float | None = None
    """How long its last run took until its last machine ran; null: none ran, or not all of its machines
    started."""
    run_at: AwareDatetime | None = None
    """When that run ended (UTC)."""
    run_verb: Verb | None = None
    """What was run."""

    @property
    def meets_rto(self) -> bool | None:
        """Whether the last run met the goal; None: there is no goal, or no run. A run in which a machine did
        not start does not meet it."""
        if self.run_at is None or self.rto_goal_seconds is None:
            return None
        return self.rto_seconds is not None and self.rto_seconds <= self.rto_goal_seconds


class ReportDrill(Shape):
    """A test failover, or its clean-up, that ended in the week."""

    evidence: str
    """The id of its evidence."""
    verb: Verb
    """What was run."""
    subject: str
    """Of what."""
    state: str
    """How it ended."""
    requested_by: str
    """Who asked for it."""
    ended_at: AwareDatetime
    """When it ended (UTC)."""


class MissedDrill(Shape):
    """A drill that should have been."""

    subject: str
    """Of which machine or schedule."""
    what: str
    """What is missing, in a sentence."""
    since: AwareDatetime
    """Since when (UTC)."""


class ReportFinding(Shape):
    """A finding of a machine that is open."""

    machine: str
    """Its name."""
    code: str
    """The finding."""
    severity: Severity
    """How bad it is."""
    what: str
    """What it is, in a sentence."""
    since: AwareDatetime
    """Since when (UTC)."""
    open_seconds: float
    """For how long."""


class ReportChange(Shape):
    """How often somebody asked for something in the week, by the audit log."""

    who: str
    """The name of the token."""
    verb: str
    """What was asked for, as a route of the API."""
    outcome: Outcome
    """The result."""
    count: int
    """How often."""


class Report(Shape):
    """The state of protection, and of the week before."""

    vault: str
    """The vault's name."""
    version: str
    """Its version."""
    site: str | None = None
    """The only site that it tells of; null: all."""
    since: AwareDatetime
    """When the week began (UTC)."""
    until: AwareDatetime
    """When the report was made (UTC)."""
    coverage: tuple[SiteCoverage, ...]
    """How many machines are protected, by site."""
    machines: tuple[ReportMachine, ...]
    """Machines under protection, by name."""
    plans: tuple[ReportPlan, ...]
    """Recovery plans, by name."""
    drills: tuple[ReportDrill, ...]
    """Drills that ended in the week, the newest first."""
    more_drills: int = 0
    """How many earlier ones of the week are left out."""
    missed: tuple[MissedDrill, ...]
    """Drills that should have been."""
    findings: tuple[ReportFinding, ...]
    """Open findings: critical ones first, then those that are open longest."""
    changes: tuple[ReportChange, ...] | None = None
    """Who asked for what in the week, the most frequent first; null: the caller may not read the audit
    log."""
