"""The facade of the vault, with all its nouns."""

from dataclasses import dataclass

from .acts import Act
from .callers import Caller
from .nouns.adoption import Adoption
from .nouns.appliances import Appliances
from .nouns.approvals import Approvals
from .nouns.audit import Audit
from .nouns.capacity.planning import Capacities
from .nouns.drill_schedules import DrillSchedules
from .nouns.drilling.passes import DrillPasses
from .nouns.drilling.ways import DrillWays
from .nouns.events import Events
from .nouns.evidence import Evidence
from .nouns.glance.boards import Boards
from .nouns.glance.live import Live
from .nouns.glance.machine_rows import MachineRows
from .nouns.glance.overview import Overviews
from .nouns.groups import Groups
from .nouns.info import Info
from .nouns.jobs import Jobs
from .nouns.login.by_provider import ByProvider
from .nouns.login.command_lines import CommandLines
from .nouns.login.logins import LogIns
from .nouns.login.own import Own
from .nouns.login.people import People
from .nouns.login.providers import Providers
from .nouns.login.second_factor import SecondFactor
from .nouns.login.security_keys import SecurityKeys
from .nouns.login.sessions import Sessions
from .nouns.machine_choices import Choices
from .nouns.machines import Machines
from .nouns.metrics import Metrics
from .nouns.networks import Networks
from .nouns.notice_targets import NoticeTargets
from .nouns.plan_choices import RunChoices
from .nouns.plan_runs import PlanRuns
from .nouns.plans import Plans
from .nouns.points import Holds, PointFiles, Points
from .nouns.policies import Policies
from .nouns.predictions import Predictions
from .nouns.preflight.candidates import Candidates
from .nouns.preflight.failover_readiness import Preflights
from .nouns.preflight.host_readiness import HostChecks
from .nouns.preflight.protection_readiness import Eligibility
from .nouns.preflight.returning import Returns
from .nouns.reporting.reports import Reports
from .nouns.settings.cards import Settings
from .nouns.settings.checks import Checks
from .nouns.settings.connecting import Connections
from .nouns.settings.hooks import Hooks
from .nouns.settings.pairs import Pairs
from .nouns.settings.pools import Pools
from .nouns.settings.properties import Properties
from .nouns.sites import Sites
from .nouns.tokens import Tokens
from .nouns.validation.validating import Validations
from .nouns.verbs import Verbs
from .parts import Parts


@dataclass(frozen=True, slots=True)
class VaultFacade:
    parts: Parts
    info: Info
    sites: Sites
    pairs: Pairs
    appliances: Appliances
    adoption: Adoption
    tokens: Tokens
    people: People
    own: Own
    second_factor: SecondFactor
    security_keys: SecurityKeys
    sessions: Sessions
    command_lines: CommandLines
    logins: LogIns
    providers: Providers
    by_provider: ByProvider
    audit: Audit
    evidence: Evidence
    approvals: Approvals
    policies: Policies
    networks: Networks
    pools: Pools
    machines: Machines
    settings: Settings
    preflights: Preflights
    host_checks: HostChecks
    eligibility: Eligibility
    validations: Validations
    returns: Returns
    candidates: Candidates
    checks: Checks
    connections: Connections
    hooks: Hooks
    properties: Properties
    points: Points
    choices: Choices
    plan_choices: RunChoices
    predictions: Predictions
    capacities: Capacities
    holds: Holds
    point_files: PointFiles
    groups: Groups
    plans: Plans
    plan_runs: PlanRuns
    drill_schedules: DrillSchedules
    drill_passes: DrillPasses
    drill_ways: DrillWays
    notice_targets: NoticeTargets
    jobs: Jobs
    verbs: Verbs
    metrics: Metrics
    machine_rows: MachineRows
    overviews: Overviews
    live: Live
    reports: Reports
    events: Events
    boards: Boards

    def asked_by(self, caller: Caller, act: Act | None = None) -> "VaultFacade":
        """The vault as this caller sees it: what is outside the scope does not exist. With `act`, changes are
        recorded in the audit log."""
        return _assembled(self.parts.asked_by(caller, act), self.events, self.boards)


def assemble(parts: Parts) -> VaultFacade:
    """A facade with all nouns on these parts."""
    events = Events(parts)
    return _assembled(parts, events, Boards(events))


def _assembled(parts: Parts, events: Events, boards: Boards) -> VaultFacade:
    return VaultFacade(
        parts=parts,
        info=Info(parts),
        sites=Sites(parts),
        pairs=Pairs(parts),
        appliances=Appliances(parts),
        adoption=Adoption(parts),
        tokens=Tokens(parts),
        people=People(parts),
        own=Own(parts),
        second_factor=SecondFactor(parts),
        security_keys=SecurityKeys(parts),
        sessions=Sessions(parts),
        command_lines=CommandLines(parts),
        logins=LogIns(parts),
        providers=Providers(parts),
        by_provider=ByProvider(parts),
        audit=Audit(parts),
        evidence=Evidence(parts),
        approvals=Approvals(parts),
        policies=Policies(parts),
        networks=Networks(parts),
        pools=Pools(parts),
        machines=Machines(parts, boards),
        settings=Settings(parts),
        preflights=Preflights(parts),
        host_checks=HostChecks(parts),
        eligibility=Eligibility(parts),
        validations=Validations(parts),
        returns=Returns(parts),
        candidates=Candidates(parts),
        checks=Checks(parts),
        connections=Connections(parts),
        hooks=Hooks(parts),
        properties=Properties(parts),
        points=Points(parts),
        choices=Choices(parts),
        plan_choices=RunChoices(parts),
        predictions=Predictions(parts),
        capacities=Capacities(parts),
        holds=Holds(parts),
        point_files=PointFiles(parts),
        groups=Groups(parts),
        plans=Plans(parts),
        plan_runs=PlanRuns(parts),
        drill_schedules=DrillSchedules(parts),
        drill_passes=DrillPasses(parts),
        drill_ways=DrillWays(parts),
        notice_targets=NoticeTargets(parts),
        jobs=Jobs(parts),
        verbs=Verbs(parts),
        metrics=Metrics(parts),
        machine_rows=MachineRows(parts, boards),
        overviews=Overviews(parts, boards),
        live=Live(parts, boards),
        reports=Reports(parts),
        events=events,
        boards=boards,
    )
