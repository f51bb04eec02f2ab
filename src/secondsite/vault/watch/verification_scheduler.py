"""Boots recovery points by schedule: the newest point of the machine that was looked at longest ago, if it is
not proven yet.

Only one at a time is asked for, and only while the site's limits allow it now: jobs that wait in line would
delay those that people ask for.
"""

from collections.abc import Iterator
from itertools import islice

import structlog

from ...domain import errors, verification_budget
from ...domain.health import Severity
from ...domain.lifecycle import DrillState, State
from ...domain.verification_budget import VerificationCandidate
from ...ground.periodic import Periodic
from ...wire.common.points import PointShape
from ..fleet.status_intake import StatusIntake
from ..health import findings
from ..health.findings import Situation
from ..interfaces import Authority
from ..steps.deps import Deps
from ..steps.points import boot_point
from ..store import MachineRecord, SiteRecord, Transaction
from .drill_scheduler import EVERY_SECONDS, HEARS_FOR
from .situations import SituationContext

log = structlog.get_logger()
LOCK = "verification"
BY = "schedule verification"
LOOKED_AT_ONCE = 20
"""How many machines' findings are derived until one of them can be booted."""


class VerificationScheduler(Periodic):
    """Boots recovery points by schedule."""

    def __init__(self, deps: Deps, facts: StatusIntake, authority: Authority) -> None:
        super().__init__("verification", lambda error: log.error("verification.failed", exc_info=error))
        self._deps = deps
        self._facts = facts
        self._authority = authority

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        """One round. If several vault processes do this, the second finds the site's limits used up."""
        now = self._deps.now()
        if now < self._facts.listens_since + HEARS_FOR:
            return
        with self._deps.store.reading() as tx:
            open_now = [
                each for each in tx.sites.list() if verification_budget.is_open(each.verification, now)
            ]
        for site in open_now:
            with self._deps.store.reading() as tx:
                found = self._next(tx, site)
            if found is not None:
                self._start(site, *found)

    def _next(self, tx: Transaction, site: SiteRecord) -> tuple[MachineRecord, PointShape] | None:
        """The first machine whose turn it is and that fits the limits, with the point. Only reads, and delays
        no writer."""
        if not _may_start(tx, site, 0):
            return None
        ready = self._ready(tx, site)
        return next((each for each in ready if _may_start(tx, site, boot_point.memory_of(tx, each[0]))), None)

    def _start(self, site: SiteRecord, machine: MachineRecord, point: PointShape) -> None:
        with self._deps.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            if not _may_start(tx, site, boot_point.memory_of(tx, machine)):
                return
            try:
                job_id = boot_point.submit(self._deps, tx, tx.machines.get(machine.id), point.id, BY)
            except errors.SecondsiteError as problem:
                log.warning("verification.skipped", machine=machine.name, why=problem.message)
                return
        log.info("verification.started", machine=machine.name, point=point.id, job=job_id)

    def _ready(self, tx: Transaction, site: SiteRecord) -> Iterator[tuple[MachineRecord, PointShape]]:
        """The machines whose turn it is, in order, each with the point to boot."""
        here = {each.id: each for each in tx.machines.list(site.name) if _is_here(each, site.name)}
        due = verification_budget.due(
            map(_turn, here.values()), site.verification.every_days, self._deps.now()
        )
        around = SituationContext.of(tx, self._facts, self._authority, self._deps.drill_counts)
        for begin in range(0, len(due), LOOKED_AT_ONCE):
            some = [here[each] for each in due[begin : begin + LOOKED_AT_ONCE]]
            for situation in around.situations(tx, self._facts, some):
                point = newest_unproven(situation)
                if point is not None and not self._is_ill(situation):
                    yield situation.machine, point

    def _is_ill(self, situation: Situation) -> bool:
        found = findings.findings(situation, self._deps.now())
        return any(each.kind.severity is Severity.CRITICAL for each in found)


def _may_start(tx: Transaction, site: SiteRecord, memory_bytes: int) -> bool:
    others = [each for _, each in islice(boot_point.at_work(tx, site.name), verification_budget.MOST_AT_ONCE)]
    return verification_budget.has_room(
        site.verification, others, memory_bytes
    ) and not boot_point.in_the_way(tx, site.name)


def newest_unproven(situation: Situation) -> PointShape | None:
    """The newest undamaged point, unless it is proven already."""
    replica = situation.status.replica
    points = () if replica is None else replica.points
    whole = (each for each in points if not each.damaged and not each.committed)
    newest = max(whole, key=lambda each: (each.epoch, each.seq), default=None)
    return newest if newest is not None and newest.proof is None else None


def _is_here(machine: MachineRecord, site: str) -> bool:
    return (
        machine.target_site == site
        and machine.state is State.PROTECTED
        and machine.drill_state is DrillState.NONE
    )


def _turn(machine: MachineRecord) -> VerificationCandidate:
    booted, recovered = machine.booted, machine.recovered
    looks = (
        booted.looked_at if booted else None,
        machine.drilled_at,
        recovered.at if recovered else None,
    )
    looked_at = max((each for each in looks if each is not None), default=None)
    return VerificationCandidate(machine.id, looked_at, booted.tried_at if booted else None)
