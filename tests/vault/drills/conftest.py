"""A vault with three machines, and schedules of their drills; the clock is the test's."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from secondsite.domain.drills import schedules
from secondsite.domain.drills.schedules import DrillSchedule
from secondsite.domain.plans.plan import PlanMachine
from secondsite.vault.fleet.signals import Signals
from secondsite.vault.fleet.status_intake import StatusIntake
from secondsite.vault.interfaces import Authority
from secondsite.vault.store import DrillScheduleRecord
from secondsite.vault.watch.drill_scheduler import DrillScheduler, DrillStarter
from tests.vault.support_operations import Verbs, folder_in_memory

NAMES = ("web01", "db01", "app01")


class Drills:
    """`verbs` is the vault without its faces. A vault that has begun hears for a minute before it starts
    drills."""

    def __init__(self, folder):
        self.verbs = Verbs(folder, NAMES)
        self.clock = self.verbs.clock
        self.verbs.protect(*NAMES)
        self.begin()

    def begin(self):
        """As a vault process begins; also a second one on the same database."""
        deps = self.verbs.deps
        facts = StatusIntake(self.verbs.store, Signals(), self.clock.now)
        ends_at = self.clock.now() + timedelta(days=7000)
        authority = SimpleNamespace(appliance_lifetime=timedelta(days=90), ends_at=ends_at)
        operations = self.verbs._operations  # noqa: SLF001
        starting = DrillStarter(deps, operations, facts, cast(Authority, authority))
        self.scheduler = DrillScheduler(deps, starting, facts)
        return self.scheduler

    def set(self, name="nightly", machines=("web01",), **changes):
        found = (self.verbs.machine(each) for each in machines)
        members = tuple(PlanMachine(each.id, each.name, each.source_site, each.target_site) for each in found)
        values: dict[str, Any] = {"every_days": 7, "at": "02:00", "machines": members, **changes}
        schedule = DrillSchedule(name, **values)
        now = self.clock.now()
        next_at = schedules.first_at(schedule, now)
        with self.verbs.store.transaction() as tx:
            tx.drill_schedules.put(DrillScheduleRecord(name, schedule, now, now, next_at))
        return next_at

    def at(self, instant):
        self.clock.at = instant
        self.verbs.appliances.seal(self.verbs.machine().id)

    def look(self):
        """One round, and what it started to its end."""
        self.verbs.appliances.speak()
        self.scheduler.look()
        self.verbs.engine.run_until_idle()

    def record(self, name="nightly"):
        with self.verbs.store.reading() as tx:
            return tx.drill_schedules.find(name)

    def jobs(self):
        """Whom jobs of schedules are of, the first one first."""
        return [
            each.subject_name
            for each in reversed(self.verbs.jobs())
            if each.requested_by.startswith("schedule ")
        ]


@pytest.fixture
def drills():
    with folder_in_memory() as folder:
        drills = Drills(folder)
        yield drills
        drills.verbs.close()
