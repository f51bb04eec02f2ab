"""Follows live migrations: when an appliance reports a machine that runs at its host, and another appliance
of that site replicates it, a job hands its replication over."""

import time

import structlog

from ...ground.periodic import Periodic
from ..fleet.status_intake import StatusIntake
from ..operations import follow_migration
from ..steps.deps import Deps

EVERY_SECONDS = 1.0
AGAIN_SECONDS, LONGEST_SECONDS = 5.0, 600.0
"""Between two jobs for one machine, each time twice as long: one that failed has a cause that takes a while,
such as a migration that has not ended, or a second copy."""
LOCK = "follow-migration"

log = structlog.get_logger()


class MigrationFollower(Periodic):
    """Looks who came, at the appliances that are connected to this vault process."""

    def __init__(self, deps: Deps, facts: StatusIntake) -> None:
        super().__init__("migrations", lambda error: log.error("migrations.failed", exc_info=error))
        self._deps = deps
        self._facts = facts
        self._pauses: dict[str, tuple[float, float]] = {}
        """By machine that came and is not followed yet: when it may be tried again, and the pause after
        that."""

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        arrivals = self._facts.arrivals()
        there = {each.machine_id for came in arrivals.values() for each in came}
        self._pauses = {key: pause for key, pause in self._pauses.items() if key in there}
        now = time.monotonic()
        for appliance_id, came in arrivals.items():
            due = {each.machine_id: each.fabric_id for each in came if self._is_due(each.machine_id, now)}
            if due:
                self._follow(appliance_id, due, now)

    def _is_due(self, machine_id: str, now: float) -> bool:
        return now >= self._pauses.get(machine_id, (0.0, 0.0))[0]

    def _follow(self, appliance_id: str, arrived: dict[str, str], now: float) -> None:
        with self._deps.store.reading() as tx:
            if not follow_migration.came(tx, appliance_id, arrived):
                return
        with self._deps.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            for machine in follow_migration.came(tx, appliance_id, arrived):
                job_id = follow_migration.submit(self._deps, tx, machine, appliance_id)
                self._wait(machine.id, now)
                log.info("migration.followed", machine=machine.name, appliance=appliance_id, job=job_id)

    def _wait(self, machine_id: str, now: float) -> None:
        _, pause = self._pauses.get(machine_id, (0.0, AGAIN_SECONDS))
        self._pauses[machine_id] = now + pause, min(2 * pause, LONGEST_SECONDS)
