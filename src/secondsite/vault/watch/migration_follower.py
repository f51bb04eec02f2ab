"""Follows live migrations: when an appliance reports a machine that runs at its host, and another appliance
of that site replicates it, a job hands its replication over."""

import time

import structlog

from ...ground.periodic import Periodic
from ..fleet.status_intake import StatusIntake
from ..operations import follow_migration
from ..steps.deps import Deps

EVERY_SECONDS = 1.0
AGAIN_SECONDS = 15.0
"""Between two jobs for one machine: one that failed has a cause that takes a while, such as a migration that
has not ended."""
LOCK = "follow-migration"

log = structlog.get_logger()


class MigrationFollower(Periodic):
    """Looks who came, at the appliances that are connected to this vault process."""

    def __init__(self, deps: Deps, facts: StatusIntake) -> None:
        super().__init__("migrations", lambda error: log.error("migrations.failed", exc_info=error))
        self._deps = deps
        self._facts = facts
        self._begun: dict[str, float] = {}

    def pause_seconds(self) -> float:
        return EVERY_SECONDS

    def look(self) -> None:
        now = time.monotonic()
        self._begun = {each: at for each, at in self._begun.items() if now - at < AGAIN_SECONDS}
        for appliance_id, arrivals in self._facts.arrivals().items():
            new = {each.machine_id: each.fabric_id for each in arrivals if each.machine_id not in self._begun}
            if new:
                self._follow(appliance_id, new, now)

    def _follow(self, appliance_id: str, arrived: dict[str, str], now: float) -> None:
        with self._deps.store.reading() as tx:
            if not follow_migration.came(tx, appliance_id, arrived):
                return
        with self._deps.store.transaction() as tx:
            tx.one_at_a_time(LOCK)
            for machine in follow_migration.came(tx, appliance_id, arrived):
                job_id = follow_migration.submit(self._deps, tx, machine, appliance_id)
                self._begun[machine.id] = now
                log.info("migration.followed", machine=machine.name, appliance=appliance_id, job=job_id)
