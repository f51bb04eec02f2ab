"""A vault with three machines whose points are booted by schedule; the clock is the test's."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from secondsite.domain.verification_budget import VerificationBudget
from secondsite.vault.fleet.signals import Signals
from secondsite.vault.fleet.status_intake import StatusIntake
from secondsite.vault.interfaces import Authority
from secondsite.vault.steps.points import boot_point
from secondsite.vault.watch.verification_scheduler import VerificationScheduler
from secondsite.wire.control.orders import Kind
from tests.vault.support_operations import Verbs, folder_in_memory

NAMES = ("web01", "db01", "app01")


class Booting:
    """A vault without its faces, which has heard of all machines."""

    def __init__(self, folder):
        self.verbs = Verbs(folder, NAMES)
        self.clock = self.verbs.clock
        self.verbs.protect(*NAMES)
        self.give(every_days=7)
        self.begin()

    def begin(self):
        """As a vault process begins; also a second one on the same database."""
        facts = StatusIntake(self.verbs.store, Signals(), self.clock.now)
        ends_at = self.clock.now() + timedelta(days=7000)
        authority = SimpleNamespace(appliance_lifetime=timedelta(days=90), ends_at=ends_at)
        deps = self.verbs.deps
        self.scheduler = VerificationScheduler(deps, facts, cast(Authority, authority))
        self.clock.pass_by(60)
        return self.scheduler

    def give(self, **values):
        with self.verbs.store.transaction() as tx:
            site = tx.sites.find("b")
            assert site is not None
            tx.sites.put(replace(site, verification=VerificationBudget(**values)))

    def set(self, name, **values):
        with self.verbs.store.transaction() as tx:
            machine = tx.machines.find(name)
            assert machine is not None
            tx.machines.put(replace(machine, **values))

    def seal(self, *names, **what):
        for name in names or NAMES:
            self.verbs.appliances.seal(self.verbs.machine(name).id, **what)

    def ask(self, name="web01", network=None):
        """On demand; nothing has run yet."""
        machine = self.verbs.machine(name)
        point = self.newest(name)
        deps = self.verbs.deps
        with self.verbs.store.transaction() as tx:
            return boot_point.submit(deps, tx, machine, point.id, "ada", network)

    def newest(self, name="web01"):
        with self.verbs.store.reading() as tx:
            replica = tx.statuses.get(self.verbs.machine(name).id).replica
            assert replica is not None
            return replica.points[-1]

    def look(self):
        """One round, and what it started as far as it goes."""
        self.verbs.appliances.speak()
        self.scheduler.look()
        self.verbs.engine.run_until_idle()

    def booted(self):
        """Names of the machines that were asked for, in that order."""
        ids = {self.verbs.machine(name).id: name for name in NAMES}
        given = self.verbs.appliances.given
        return [ids[machine_id] for _, kind, machine_id in given if kind is Kind.BOOT_POINT]

    def jobs(self):
        return [
            (each.subject_name, each.state)
            for each in reversed(self.verbs.jobs())
            if each.name == boot_point.BOOT
        ]


@pytest.fixture
def booting():
    with folder_in_memory() as folder:
        booting = Booting(folder)
        yield booting
        booting.verbs.close()
