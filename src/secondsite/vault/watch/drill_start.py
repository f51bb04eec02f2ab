"""From a drill schedule to its job: all its machines that can be drilled now. What is in the way of one leaves out that one alone."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...domain import errors, lifecycle, shell
from ...domain.access.roles import NEEDS, Grant
from ...domain.drills.schedules import DrillSchedule
from ...domain.health import Severity
from ...domain.lifecycle import DrillState, Verb
from ...domain.plans import run_selection
from ...domain.plans.plan import PlanMachine, RecoveryPlan
from ...wire import rest
from .. import plan_runs
from ..fleet.status_intake import StatusIntake
from ..health import findings
from ..interfaces import Authority
from ..operations.interface import Operation
from ..steps.deps import Deps
from ..store import DrillScheduleRecord, MachineRecord, Transaction
from .situations import SituationContext

LOCK = "drill-schedules"
"""Held from looking whether a schedule is due until its job is there: several vaults may look."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The job, and who is not in it and why."""

    job_id: str
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class DrillReadiness:
    """Which machines of a schedule can be drilled."""

    ready: Sequence[MachineRecord]
    obstacles: Mapping[str, str]
    """By machine id."""


class Starting:
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
        """For whoever made it. Raises as `start`, and NotPossibleNow if he could not start it now."""
        _require_maker(tx, record, self._deps.now())
        return self.start(tx, record, by)

    def start(self, tx: Transaction, record: DrillScheduleRecord, by: str) -> Begun:
        """Raises NotFound for a plan that is gone, NotPossibleNow if no machine can be drilled; nothing is written then."""
        schedule, plan = record.schedule, _plan(tx, record)
        look = self._look(tx, _machines(schedule, plan))
        left_out = "; ".join(look.obstacles.values())
        if not look.ready:
            raise errors.NotPossibleNow(
                f"No machine of schedule '{schedule.name}' can be drilled now: {left_out}.",
                do="It is tried again by itself; or start it with 'secondsite drill run NAME' once that is over.",
            )
        if plan is None:
            request = rest.TestFailover(machines=tuple(each.id for each in look.ready), **_options(schedule))
            return Begun(self._operation.submit(tx, request, by).job_id, left_out)
        wanted = run_selection.RunRequest(Verb.TEST_FAILOVER, leave_out=frozenset(look.obstacles))
        asked = plan_runs.PlanRunRequest(plan, wanted, _options(schedule))
        return Begun(plan_runs.submit(self._deps, self._operation, tx, asked, by).job_id, left_out)

    def sites(self, tx: Transaction, record: DrillScheduleRecord) -> frozenset[str]:
        """Where its test machines run."""
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
    """As they were when they were put into it, or into its plan; none if that plan is gone."""
    return _machines(record.schedule, _find(tx, record))


def _require_maker(tx: Transaction, record: DrillScheduleRecord, now: datetime) -> None:
    """Raises NotPossibleNow."""
    if record.maker_id is None:
        return
    maker = next((each for each in tx.tokens.list() if each.id == record.maker_id), None)
    if maker is None or (maker.expires_at is not None and maker.expires_at <= now):
        raise _no_maker(record, "was deleted, or has expired")
    grant = Grant(maker.roles, maker.site)
    seen = all(grant.sees(each.source_site, each.target_site) for each in machines_of(tx, record))
    if not (seen and grant.may(NEEDS[Verb.TEST_FAILOVER])):
        raise _no_maker(record, "may not start a test failover of all its machines any more")


def _no_maker(record: DrillScheduleRecord, why: str) -> errors.NotPossibleNow:
    return errors.NotPossibleNow(
        f"The token that made schedule '{record.name}' {why}.",
        do=f"Whoever may takes it over by setting it again: 'secondsite drill schedule set {shell.arguments(record.name)}'; or ends it: 'secondsite drill "
        f"schedule remove {shell.arguments(record.name)}'.",
    )


def _plan(tx: Transaction, record: DrillScheduleRecord) -> RecoveryPlan | None:
    """Raises NotFound."""
    found = _find(tx, record)
    if found is None and record.schedule.plan is not None:
        raise errors.NotFound(
            f"The plan '{record.schedule.plan}' that schedule '{record.name}' was made for is gone.",
            do=f"'secondsite drill schedule set {shlex.quote(record.name)} --plan PLAN' takes another one, also of the same name.",
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
