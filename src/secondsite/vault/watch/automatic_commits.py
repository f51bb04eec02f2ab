"""A plan whose checks have held since its failover, for as long as its setting says, commits by itself.

Once a minute the checks of all its machines are run again where the machines run. For how long they have held
is written down with each look, and the commit's job begins in the transaction of the look by which they have
held long enough: once, or not at all (ADR 239).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from ...domain import errors
from ...domain.access.chain import Entry, Outcome
from ...domain.health import HealthFinding, Severity
from ...domain.lifecycle import Verb
from ...domain.plans import held_checks
from ...domain.plans.held_checks import HeldChecks, Look
from ...domain.plans.run_selection import listed
from ...ground import seams
from ...ground.periodic import Periodic
from ...wire.common.machine_checks import MachineCheck
from ...wire.common.machines import PowerState
from ...wire.control import Report
from ...wire.control.orders import REPEAT_CHECKS, Kind
from ...wire.control.proofs import RepeatChecks
from ...wire.control.reports import facts_of
from .. import plan_runs
from ..fleet.status_intake import StatusIntake
from ..health import findings
from ..interfaces import Authority
from ..operations.interface import Operation
from ..plan_runs import FailedOverPlan
from ..steps.deps import Deps
from ..store import HeldChecksRecord, MachineRecord, Transaction
from .drill_scheduler import HEARS_FOR
from .situations import SituationContext

EVERY_SECONDS = 5.0
LOOK_SECONDS = 60.0
"""From the end of one look to the next one."""
ANSWERED_SECONDS = 90.0
"""How long a look waits for the appliances."""
FORBID = frozenset({findings.MOVED})
"""Findings with which a commit would be refused although they are warnings."""
COMMITTED_ITSELF = "commit by itself"
"""What the audit log says in place of a call."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Look:
    """A look that has begun at `began`, by the monotonic clock. `orders` are by machine id those that were
    not answered yet, `problems` what did not pass."""

    of: str
    began: float
    orders: dict[str, str]
    problems: list[str] = field(default_factory=list)


class AutomaticCommits(Periodic):
    """Looks at plans that were failed over. Of several vault processes the one looks to which the appliance
    of the plan's first machine is connected; without one each says so."""

    def __init__(
        self,
        deps: Deps,
        operations: Mapping[Verb, Operation],
        facts: StatusIntake,
        authority: Authority,
    ) -> None:
        super().__init__("automatic-commits", lambda error: log.error("commits.failed", exc_info=error))
        self._deps = deps
        self._commit = operations[Verb.COMMIT]
        self._facts = facts
        self._authority = authority
        self._looks: dict[str, _Look] = {}
        self._ended: dict[str, float] = {}
        """By plan, when its last look ended, by the monotonic clock."""

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        """One round; waits for nothing."""
        now = self._deps.now()
        if now < self._facts.listens_since + HEARS_FOR:
            return
        with self._deps.store.reading() as tx:
            ours = [each for each in plan_runs.watched(tx, now) if self._is_ours(each)]
            in_the_way = {each.name: self._in_the_way(tx, each) for each in ours}
        names = {each.name for each in ours}
        for gone in self._looks.keys() - names:
            self._forget(gone)
        for each in ours:
            self._go_on(each, in_the_way[each.name])

    def _is_ours(self, found: FailedOverPlan) -> bool:
        first = found.machines[0].target_appliance_id
        return self._deps.gateway.holds(first) or not self._deps.gateway.is_connected(first)

    def _in_the_way(self, tx: Transaction, found: FailedOverPlan) -> str:
        """Why the plan does not commit by itself, whatever its checks say; empty: nothing."""
        return found.obstacle or next(self._findings(tx, found), "")

    def _findings(self, tx: Transaction, found: FailedOverPlan) -> Iterator[str]:
        around = SituationContext.of(tx, self._facts, self._authority, self._deps.drill_counts)
        now = self._deps.now()
        for situation in around.situations(tx, self._facts, found.machines):
            forbidding = (each for each in findings.findings(situation, now) if _forbids(each))
            yield from (f"{situation.machine.name}: {each.what.rstrip('.')}" for each in forbidding)

    def _go_on(self, found: FailedOverPlan, in_the_way: str) -> None:
        look = self._looks.get(found.name)
        if in_the_way or (look is not None and look.of != found.of):
            self._forget(found.name)
            look = None
        if in_the_way:
            self._conclude(found, in_the_way)
        elif look is not None:
            self._collect(found, look)
        elif self._is_due(found.name):
            self._begin(found)

    def _is_due(self, plan: str) -> bool:
        ended = self._ended.get(plan)
        return ended is None or self._deps.monotonic() - ended >= LOOK_SECONDS

    def _begin(self, found: FailedOverPlan) -> None:
        orders = {each.id: f"{found.run.id}/repeat/{self._deps.new_id()}" for each in found.machines}
        look = self._looks[found.name] = _Look(found.of, self._deps.monotonic(), orders)
        self._collect(found, look)

    def _collect(self, found: FailedOverPlan, look: _Look) -> None:
        """Take what was answered since the last round, and conclude when that is all, or too late."""
        for machine in found.machines:
            report = self._asked(found, look, machine) if machine.id in look.orders else None
            if report is not None:
                self._deps.gateway.forget(look.orders.pop(machine.id))
                look.problems += _problems(machine, found.checks[machine.id], report)
        is_late = self._deps.monotonic() - look.began >= ANSWERED_SECONDS
        if look.orders and not is_late:
            return
        silent = [each.name for each in found.machines if each.id in look.orders]
        if silent:
            look.problems.append(f"no answer came of {listed(silent, ', ')}")
        self._forget(found.name)
        self._conclude(found, listed(look.problems))

    def _asked(self, found: FailedOverPlan, look: _Look, machine: MachineRecord) -> Report | None:
        payload = RepeatChecks(
            fabric_id=machine.target_fabric_id, name=machine.name, checks=found.checks[machine.id]
        )
        return self._deps.gateway.ask(
            machine.target_appliance_id, look.orders[machine.id], Kind.REPEAT_CHECKS, machine.id, payload,
            ANSWERED_SECONDS,
        )  # fmt: skip

    def _forget(self, plan: str) -> None:
        look = self._looks.pop(plan, None)
        for order_id in look.orders.values() if look is not None else ():
            self._deps.gateway.forget(order_id)

    def _conclude(self, found: FailedOverPlan, problem: str) -> None:
        """Write down what was found, and begin the commit if that is long enough. If a machine, the plan or
        its setting was changed meanwhile, the look counts for nothing."""
        self._ended[found.name] = self._deps.monotonic()
        try:
            with self._deps.store.transaction() as tx:
                tx.one_at_a_time(plan_runs.LOCK)
                self._write(tx, found, problem)
                seams.reach("vault.held-checks.written")
        except errors.Conflict as conflict:
            log.info("commits.overtaken", plan=found.name, problem=conflict.message)

    def _write(self, tx: Transaction, found: FailedOverPlan, problem: str) -> None:
        record = tx.plans.find(found.name)
        again = None if record is None else plan_runs.may_commit(tx, record, self._deps.now())
        if again is None or again.of != found.of:
            return
        known = tx.held_checks.find(found.name)
        before = known.held if known is not None and known.run_id == found.run.id else None
        look = Look(found.of, self._deps.now(), self._deps.lived(), problem or again.obstacle)
        held = held_checks.after(before, look)
        if before is not None and held.problem and before.problem == held.problem:
            return
        tx.held_checks.put(HeldChecksRecord(found.name, found.run.id, held))
        if held_checks.is_due(held, again.record.plan.commit_after_held_seconds):
            self._commit_now(tx, again, look, held)

    def _commit_now(self, tx: Transaction, found: FailedOverPlan, look: Look, held: HeldChecks) -> None:
        """Begin the commit of all machines of the plan, and put it on the audit log."""
        plan, record = found.record.plan, HeldChecksRecord(found.name, found.run.id, held)
        request = plan_runs.commit_request(plan)
        try:
            job_id = plan_runs.submit(self._deps, self._commit, tx, request, f"plan {plan.name}").job_id
        except errors.Conflict:
            raise  # something may have been written
        except errors.SecondsiteError as problem:
            held = held_checks.after(None, replace(look, problem=problem.message.rstrip(".")))
            tx.held_checks.put(replace(record, held=held))
            return
        tx.held_checks.put(replace(record, job_id=job_id))
        tx.audit.append(self._entry(tx, found, held, job_id))
        log.info("commits.begun", plan=found.name, job=job_id)

    def _entry(self, tx: Transaction, found: FailedOverPlan, held: HeldChecks, job_id: str) -> Entry:
        plan = found.record.plan
        maker = None if plan.commit_set_by is None else tx.holders.with_id(plan.commit_set_by)
        told = {
            "machines": sorted(each.name for each in found.machines),
            "commit_after_held_seconds": plan.commit_after_held_seconds,
            "since": held.since.isoformat() if held.since else None,
        }
        return Entry(
            at=self._deps.now(), who=maker.name if maker is not None else "secondsite",
            token_id=plan.commit_set_by or "", address="", verb=COMMITTED_ITSELF,
            object=f"/plans/{plan.name}", outcome=Outcome.DONE, job_id=job_id,
            details=json.dumps(told, sort_keys=True),
        )  # fmt: skip


def _problems(machine: MachineRecord, asked: Sequence[MachineCheck], report: Report) -> Iterator[str]:
    """What did not pass, or was not looked at, one sentence each."""
    try:
        facts = facts_of(REPEAT_CHECKS, report)
    except errors.SecondsiteError as problem:
        yield f"{machine.name}: {problem.message.rstrip('.')}"
        return
    failed = [f"{each.name}: {each.said}" for each in facts.verdicts if not each.passed]
    if failed:
        yield f"{machine.name}: {listed(failed, ', ')}"
    seen = {each.name for each in facts.verdicts}
    unseen = [each.name for each in asked if each.name not in seen]
    if unseen:
        yield f"{machine.name}: {listed(unseen, ', ')} was not repeated"
    elif facts.power != PowerState.RUNNING:
        yield f"{machine.name}: it is {facts.power}"


def _forbids(found: HealthFinding) -> bool:
    return found.kind.severity is Severity.CRITICAL or found.code in FORBID
