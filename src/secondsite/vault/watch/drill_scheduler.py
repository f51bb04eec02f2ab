"""Starts drills that are due, one at a time for each site; what prevents a drill is kept with the schedule,
for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from ...domain import errors, lifecycle, shell
from ...domain.access.roles import NEEDS, Grant
from ...domain.drills import schedules
from ...domain.drills.schedules import DrillSchedule
from ...domain.health import Severity
from ...domain.lifecycle import DrillState, Verb
from ...domain.plans import run_selection
from ...domain.plans.plan import PlanMachine, RecoveryPlan
from ...ground.periodic import Periodic
from ...jobs.storage import read
from ...wire import rest
from .. import plan_runs
from ..fleet.status_intake import StatusIntake
from ..health import findings
from ..interfaces import Authority
from ..operations.interface import Operation
from ..steps.deps import Deps
from ..store import DrillScheduleRecord, MachineRecord, TokenRecord, Transaction
from .situations import SituationContext

log = structlog.get_logger()
EVERY_SECONDS = 30.0
HEARS_FOR = timedelta(seconds=60)
"""How long after its start a vault does not yet know the state of machines."""


class DrillScheduler(Periodic):
    """Starts drills that are due."""

    def __init__(self, deps: Deps, starting: DrillStarter, facts: StatusIntake) -> None:
        super().__init__("drills", lambda error: log.error("drills.failed", exc_info=error))
        self._deps = deps
        self._starting = starting
        self._facts = facts

    def look(self) -> None:
        """One round. If several vault processes do this, the second finds that the turn is over."""
        now = self._deps.now()
        if now < self._facts.listens_since + HEARS_FOR:
            return
        with self._deps.store.reading() as tx:
            names = [each.name for each in _due(tx, now)]
        for name in names:
            try:
                with self._deps.store.transaction() as tx:
                    tx.one_at_a_time(LOCK)
                    self._turn(tx, name, now)
            except errors.Conflict as problem:
                log.info("drills.overtaken", schedule=name, problem=problem.message)

    def _turn(self, tx: Transaction, name: str, now: datetime) -> None:
        record = next((each for each in _due(tx, now) if each.name == name), None)
        if record is None:
            return
        if schedules.is_too_far(record.schedule, record.next_at, now):
            tx.drill_schedules.put(replace(record, next_at=schedules.next_at(record.schedule, now, now)))
        elif other := self._in_its_way(tx, record):
            _keep(
                tx, record, f"It waits until the drill of schedule '{other}' at the same site has ended.", now
            )
        else:
            self._start(tx, record, now)

    def _start(self, tx: Transaction, record: DrillScheduleRecord, now: datetime) -> None:
        try:
            begun = self._starting.start_due(tx, record, by(record.name))
        except errors.Conflict:
            raise  # a job may have been written that has not taken its machine
        except errors.SecondsiteError as problem:
            self._skip(tx, record, problem.message, now)
            return
        tx.drill_schedules.put(started(record, begun.job_id, begun.left_out, now))
        log.info("drills.started", schedule=record.name, job=begun.job_id, left_out=begun.left_out)

    def _skip(self, tx: Transaction, record: DrillScheduleRecord, why: str, now: datetime) -> None:
        """Skip the turn for now."""
        if not schedules.gives_up(record.next_at, self._facts.listens_since, now):
            _keep(tx, record, why, now)
            return
        log.warning("drills.skipped", schedule=record.name, why=why)
        next_at = schedules.first_at(record.schedule, now)
        tx.drill_schedules.put(replace(record, said=why, said_at=now, next_at=next_at))

    def _in_its_way(self, tx: Transaction, record: DrillScheduleRecord) -> str | None:
        """The name of another scheduled drill that runs at one of the schedule's sites."""
        sites = self._starting.sites(tx, record)
        others = (each for each in tx.drill_schedules.list() if _runs(tx, each))
        return next((each.name for each in others if sites & self._starting.sites(tx, each)), None)

    def pause_seconds(self) -> float:
        return EVERY_SECONDS


def _keep(tx: Transaction, record: DrillScheduleRecord, why: str, now: datetime) -> None:
    """Keep what prevents the drill; written only when it changes: a round comes every half minute."""
    if record.said != why:
        tx.drill_schedules.put(replace(record, said=why, said_at=now))


def by(name: str) -> str:
    """The requester of the schedule's jobs. No token can have such a name."""
    return f"schedule {name}"


def started(record: DrillScheduleRecord, job_id: str, left_out: str, now: datetime) -> DrillScheduleRecord:
    """The schedule after its turn, however the job ends."""
    next_at = schedules.next_at(record.schedule, record.next_at, now)
    said_at = now if left_out else None
    return replace(record, job_id=job_id, started_at=now, next_at=next_at, said=left_out, said_at=said_at)


def _due(tx: Transaction, now: datetime) -> Iterator[DrillScheduleRecord]:
    """The schedules that are due, the longest due first."""
    for each in sorted(tx.drill_schedules.list(), key=lambda each: (each.next_at, each.name)):
        too_far = schedules.is_too_far(each.schedule, each.next_at, now)
        if not each.schedule.paused and (each.next_at <= now or too_far):
            yield each


def _runs(tx: Transaction, record: DrillScheduleRecord) -> bool:
    job = None if record.job_id is None else read.find(tx.session, record.job_id)
    return job is not None and not job.state.ended


# From a drill schedule to its job: all its machines that can be drilled now. An obstacle to one machine
# leaves out only that one.

LOCK = "drill-schedules"
"""A lock that is held from checking whether a schedule is due until its job exists: several vault processes
may check."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The job, and which machines are left out of it and why."""

    job_id: str
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class DrillReadiness:
    """Which machines of a schedule can be drilled."""

    ready: Sequence[MachineRecord]
    obstacles: Mapping[str, str]
    """Why machines cannot be drilled, by machine id."""


class DrillStarter:
    def __init__(
        self,
        deps: Deps,
        operations: Mapping[Verb, Operation],
        facts: StatusIntake,
        authority: Authority,
    ) -> None:
        self._deps = deps
        self._operation = operations[Verb.TEST_FAILOVER]
        self._facts = facts
        self._authority = authority

    def start_due(self, tx: Transaction, record: DrillScheduleRecord, by: str) -> Begun:
        """Start the due drill for the token that made the schedule. Raises as `start`, and NotPossibleNow if
        that token could not start it now."""
        _require_maker(tx, record, self._deps.now())
        return self.start(tx, record, by)

    def start(self, tx: Transaction, record: DrillScheduleRecord, by: str) -> Begun:
        """Start the drill. Raises NotFound for a plan that is gone, NotPossibleNow if no machine can be
        drilled; then nothing is written."""
        schedule, plan = record.schedule, _plan(tx, record)
        look = self._look(tx, _machines(schedule, plan))
        left_out = "; ".join(look.obstacles.values())
        if not look.ready:
            raise errors.NotPossibleNow(
                f"No machine of schedule '{schedule.name}' can be drilled now: {left_out}.",
                do=(
                    "It is tried again by itself; or start it with 'secondsite drill run NAME' once that is "
                    "over."
                ),
            )
        if plan is None:
            request = rest.TestFailover(machines=tuple(each.id for each in look.ready), **_options(schedule))
            return Begun(self._operation.submit(tx, request, by).job_id, left_out)
        wanted = run_selection.RunRequest(Verb.TEST_FAILOVER, leave_out=frozenset(look.obstacles))
        asked = plan_runs.PlanRunRequest(plan, wanted, _options(schedule))
        return Begun(plan_runs.submit(self._deps, self._operation, tx, asked, by).job_id, left_out)

    def sites(self, tx: Transaction, record: DrillScheduleRecord) -> frozenset[str]:
        """The sites at which its test machines run."""
        there = tx.machines.several([each.id for each in machines_of(tx, record)])
        return frozenset(each.target_site for each in there)

    def _look(self, tx: Transaction, machines: Sequence[PlanMachine]) -> DrillReadiness:
        there = {each.id: each for each in tx.machines.several([each.id for each in machines])}
        obstacles = {
            each.id: f"{each.name} is not protected any more" for each in machines if each.id not in there
        }
        obstacles |= dict(self._in_the_way(tx, list(there.values())))
        return DrillReadiness([there[each.id] for each in machines if each.id not in obstacles], obstacles)

    def _in_the_way(self, tx: Transaction, machines: Sequence[MachineRecord]) -> Iterator[tuple[str, str]]:
        around = SituationContext.of(tx, self._facts, self._authority, self._deps.drill_counts)
        now = self._deps.now()
        for situation in around.situations(tx, self._facts, machines):
            machine = situation.machine
            if Verb.TEST_FAILOVER not in lifecycle.allowed_operations(machine.state, machine.drill_state):
                yield machine.id, _busy(machine)
                continue
            found = findings.findings(situation, now)
            critical = [each for each in found if each.kind.severity is Severity.CRITICAL]
            if critical:
                yield machine.id, f"{machine.name}: {critical[0].what.rstrip('.')}"


def _options(schedule: DrillSchedule) -> dict[str, object]:
    return {
        "network": schedule.network,
        "subnet": schedule.subnet,
        "dns_servers": schedule.dns_servers,
        "clean_up": True,
        "keep_if_failed": schedule.keep_if_failed,
    }


def machines_of(tx: Transaction, record: DrillScheduleRecord) -> Sequence[PlanMachine]:
    """The machines as they were when they were put into the schedule, or into its plan; none if that plan is
    gone."""
    return _machines(record.schedule, _find(tx, record))


def _require_maker(tx: Transaction, record: DrillScheduleRecord, now: datetime) -> None:
    """Raises NotPossibleNow unless the token or person that made the schedule may start it now."""
    if record.maker_id is None:
        return
    maker = tx.holders.with_id(record.maker_id)
    if maker is None or (isinstance(maker, TokenRecord) and maker.expires_at and maker.expires_at <= now):
        raise _no_maker(record, "was deleted, or has expired")
    grant = Grant(maker.roles, maker.site)
    seen = all(grant.sees(each.source_site, each.target_site) for each in machines_of(tx, record))
    if not (seen and grant.may(NEEDS[Verb.TEST_FAILOVER])):
        raise _no_maker(record, "may not start a test failover of all its machines any more")


def _no_maker(record: DrillScheduleRecord, why: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"The person or token that made schedule '{record.name}' {why}.",
        do="Whoever may takes it over by setting it again: 'secondsite drill schedule set "
        f"{shell.arguments(record.name)}'; or ends it: 'secondsite drill schedule remove "
        f"{shell.arguments(record.name)}'.",
    )


def _plan(tx: Transaction, record: DrillScheduleRecord) -> RecoveryPlan | None:
    """The plan of the schedule, None for a schedule of machines. Raises NotFound if the plan is gone."""
    found = _find(tx, record)
    if found is None and record.schedule.plan is not None:
        raise errors.NotFound(
            f"The plan '{record.schedule.plan}' that schedule '{record.name}' was made for is gone.",
            do=(
                f"'secondsite drill schedule set {shlex.quote(record.name)} --plan PLAN' takes another one, "
                "also of the same name."
            ),
        )
    return found


def _find(tx: Transaction, record: DrillScheduleRecord) -> RecoveryPlan | None:
    found = None if record.schedule.plan is None else tx.plans.find(record.schedule.plan)
    return found.plan if found is not None and record.is_for(found) else None


def _machines(schedule: DrillSchedule, plan: RecoveryPlan | None) -> Sequence[PlanMachine]:
    return schedule.machines if plan is None else tuple(plan.machines)


def _busy(machine: MachineRecord) -> str:
    if machine.drill_state is not DrillState.NONE:
        return f"{machine.name} has a test failover that is {machine.drill_state}"
    return f"{machine.name} is {machine.state}"
