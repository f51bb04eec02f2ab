"""Housekeeping: work that becomes due with lived time, checked every half minute."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from ...domain import errors
from ...domain.lifecycle import DrillState, Verb
from ...ground.lived_time import LivedClock
from ...ground.periodic import Periodic
from ...jobs.storage import read
from ...wire.rest import CleanupTestFailover
from ..fleet.status_intake import StatusIntake
from ..operations.interface import Operation
from ..store import MachineRecord, Store, Transaction

log = structlog.get_logger()

EVERY_SECONDS = 30.0
JOBS_KEPT = timedelta(days=90)
DRILL_LASTS = timedelta(days=14)
"""How long a test failover stays open before it is cleaned up (S-323)."""
LEFT_OPEN = frozenset({DrillState.RUNNING, DrillState.CLEANUP_FAILED})
FORCE_AGAIN_AFTER = timedelta(hours=1)
NOTES = "Cleaned up by the vault: the test failover was open for 14 days."
SERVICE = "secondsite"


class Housekeeping(Periodic):
    """The thread of housekeeping."""

    def __init__(
        self,
        store: Store,
        facts: StatusIntake,
        operations: Mapping[Verb, Operation],
        lived: LivedClock,
    ) -> None:
        super().__init__("housekeeping", lambda error: log.error("housekeeping.failed", exc_info=error))
        self._store = store
        self._facts = facts
        self._operations = operations
        self._lived = lived
        self._forced: dict[str, datetime] = {}

    def look(self) -> None:
        """One round: note lived time; delete old jobs, start the clean-up of drills that were left open."""
        with self._store.transaction() as tx:
            lived = self._follow(tx)
            read.forget(tx.session, lived - JOBS_KEPT)
            tx.pictures.forget(lived - JOBS_KEPT)
        with self._store.reading() as tx:
            protected = tx.machines.ids()
            drilled = tx.machines.in_drill(LEFT_OPEN)
        self._facts.forget_all_but(protected)
        for machine in drilled:
            if self._is_overdue(machine):
                self._force_cleanup(machine)

    def follow(self) -> None:
        """Read lived time, before anything is judged by it."""
        with self._store.transaction() as tx:
            self._follow(tx)

    def _follow(self, tx: Transaction) -> datetime:
        lived = self._lived.follow(tx.lived.find())
        tx.lived.put(lived)
        return lived

    def _is_overdue(self, machine: MachineRecord) -> bool:
        if machine.drill is None:
            return False
        now = self._lived()
        forced_at = self._forced.get(machine.id)
        again = forced_at is None or abs(now - forced_at) >= FORCE_AGAIN_AFTER
        return again and now - machine.drill.started_at >= DRILL_LASTS

    def _force_cleanup(self, machine: MachineRecord) -> None:
        self._forced[machine.id] = self._lived()
        request = CleanupTestFailover(machines=(machine.id,), notes=NOTES)
        try:
            with self._store.transaction() as tx:
                accepted = self._operations[Verb.CLEANUP_TEST_FAILOVER].submit(tx, request, SERVICE)
        except errors.SecondsiteError as problem:
            log.warning("drill.not-cleaned-up", machine=machine.name, problem=problem.message)
        else:
            log.info("drill.cleanup-started", machine=machine.name, job=accepted.job_id)

    def pause_seconds(self) -> float:
        return EVERY_SECONDS
