"""The verbs with the real job engine and store, and appliances that answer what a test dials. Time is the
test's."""

import contextlib
import dataclasses
import itertools
import os
import sqlite3
import tempfile
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.plans import run_selection
from secondsite.domain.policies import ReplicationPolicy
from secondsite.entry.restored_vault import RestoredVault
from secondsite.ground.units import GiB
from secondsite.jobs.model import asking
from secondsite.jobs.running.engine import Engine
from secondsite.jobs.storage import database, read, search
from secondsite.vault import operations, plan_runs
from secondsite.vault import store as vault_store
from secondsite.vault.facade.nouns.jobs import Jobs
from secondsite.vault.health.findings import Situation, findings
from secondsite.vault.plan_runs import unsynchronized_failback
from secondsite.vault.steps.deps import Deps
from secondsite.vault.store import ApplianceRecord, SitePairRecord, SiteRecord, StatusRecord
from secondsite.vault.watch.situations import last_jobs_that_failed
from secondsite.wire import rest
from secondsite.wire.control import Hello
from secondsite.wire.rest.verbs import MoveReplica, Settle, UpdateNames
from tests.vault.support_appliances import A, Appliances, B, Clock

REQUESTS = {
    Verb.TEST_FAILOVER: rest.TestFailover,
    Verb.CLEANUP_TEST_FAILOVER: rest.CleanupTestFailover,
    Verb.FAILOVER: rest.Failover,
    Verb.PLANNED_FAILOVER: rest.PlannedFailover,
    Verb.CHANGE_RECOVERY_POINT: rest.ChangeRecoveryPoint,
    Verb.COMMIT: rest.Commit,
    Verb.CANCEL_FAILOVER: rest.CancelFailover,
    Verb.REPROTECT: rest.Reprotect,
    Verb.RESYNCHRONIZE: rest.Resynchronize,
    Verb.INCLUDE_DISK: rest.IncludeDisk,
    Verb.EXCLUDE_DISK: rest.ExcludeDisk,
    Verb.DISABLE_PROTECTION: rest.DisableProtection,
    Verb.UPDATE_NAMES: UpdateNames,
    Verb.SETTLE: Settle,
    Verb.MOVE_REPLICA: MoveReplica,
}


def folder_in_memory():
    """Durability is other tests' matter: here every commit would wait for the disk."""
    return tempfile.TemporaryDirectory(
        prefix="ss-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    )


OTHER_A, OTHER_B = "other-appliance-a", "other-appliance-b"
"""Second hosts of the sites, for `add_host`."""


def add_host(verbs, like, name, free):
    """One more appliance at the site of another one."""
    with verbs.store.transaction() as tx:
        first = tx.appliances.find(like)
        assert first is not None
        assert first.hello is not None
        hello = first.hello.model_copy(update={"appliance_id": name})
        made = dataclasses.replace(first, id=name, name=name, hello=hello, store_free_bytes=free * GiB)
        tx.appliances.put(made)


def findings_of(verbs):
    """The findings of web01 a minute from now, by code."""
    machine = verbs.machine()
    with verbs.store.reading() as tx:
        failed = last_jobs_that_failed(tx, [machine])
    around = Situation(
        machine, StatusRecord(machine.id), None, None, None, last_failed=failed.get(machine.id)
    )
    return {each.code: each for each in findings(around, verbs.clock.now() + timedelta(minutes=1))}


def said(tree, task):
    """The newest attempt at a job's task."""
    return next(each for each in reversed(tree.tasks) if each.title == task)


class Verbs:
    """A vault without its faces: submit verbs, let its jobs run, look at machines."""

    def __init__(self, folder, names=("web01",), older=None):
        """`older`: the SQL of a database that another release left; the appliances then know its machines."""
        url = f"sqlite:///{folder}/vault.db"
        if older is not None:
            with contextlib.closing(sqlite3.connect(f"{folder}/vault.db")) as file:
                file.executescript(older)
        vault_store.migrate(url)
        self.clock = Clock()
        self._ids = itertools.count(1)
        self.folder = folder
        self.appliances = self.made_appliances(names)
        self.open()
        if older is None:
            self._furnish()
        else:
            self.clock.pass_by(60)
            self.appliances.remember_all()

    def made_appliances(self, names):
        """A gateway with the machines of these names behind it."""
        return Appliances(self.clock, names)

    def hello(self, site, appliance):
        """How the appliance has greeted."""
        return Hello(
            appliance_id=appliance, site=site, version="1", fabric_kind="simulated", accelerated=False,
            data_addresses=("127.0.0.1:9445",),
        )  # fmt: skip

    def open(self):
        self._db = database.connect(f"sqlite:///{self.folder}/vault.db")
        self.store = self.appliances.store = vault_store.Store(self._db)
        self.deps = deps = Deps(
            self.store,
            self.appliances,
            self._submit,
            self.clock.now,
            self.clock.now,
            self.clock.monotonic,
            self._new_id,
            lambda key: self.engine.signal(key),
        )
        self._operations = operations.operations(deps)
        self.restored = RestoredVault(
            Path(self.folder), "test", f"sqlite:///{self.folder}/vault.db", self.store
        )
        self.engine = Engine(
            self._db,
            [*operations.definitions(deps), *plan_runs.definitions(deps, self._operations)],
            clock=self.clock.now,
            owner="test",
            joined=self.restored.look,
        )

    def close(self):
        self._db.dispose()

    def _submit(self, session, name, *, subject, subject_name, arguments, requested_by):
        return self.engine.submit(
            session,
            name,
            subject=subject,
            subject_name=subject_name,
            arguments=arguments,
            requested_by=requested_by,
            job_id=self._new_id(),
        )

    def _new_id(self):
        """Ids that rise: what is played again has the same ones. They go on rising when a database is
        restored."""
        return f"{next(self._ids):08d}{uuid.uuid5(uuid.NAMESPACE_DNS, 'test').hex[8:]}"

    def _furnish(self):
        with self.store.transaction() as tx:
            tx.policies.put(ReplicationPolicy("default"))
            for site, appliance in (("a", A), ("b", B)):
                tx.sites.add(SiteRecord(site, self.clock.now()))
                tx.appliances.put(
                    ApplianceRecord(
                        appliance,
                        appliance,
                        site,
                        self.clock.now(),
                        self.clock.now(),
                        connected=True,
                        hello=self.hello(site, appliance),
                    )
                )
            # tests say each step; those of what follows by itself turn it on
            tx.pairs.put(SitePairRecord("a", "b", reverse_after_commit=False))

    # ---- what a person does --------------------------------------------------------------------------------

    def submit(self, verb, *machines, **arguments):
        """The job's id; nothing has run yet."""
        machines = machines or ("web01",)
        if verb is Verb.ENABLE_PROTECTION:
            between = {"source_site": "a", "target_site": "b", **arguments}
            request = rest.EnableProtection(machines=machines, **between)
        else:
            request = REQUESTS[verb](machines=machines, **arguments)
        with self.store.transaction() as tx:
            if isinstance(request, rest.PlannedFailover) and request.data_sync is not None:
                return unsynchronized_failback.submit(self.deps, tx, request, "tester").job_id
            return self._operations[verb].submit(tx, request, "tester").job_id

    def submit_plan(self, verb, plan, **asked):
        """The same for all machines of a plan. `asked`: direction, groups, leave_out; what else is given
        are options of the verb."""
        part = {key: asked.pop(key) for key in ("direction", "groups", "leave_out") if key in asked}
        wanted = run_selection.RunRequest(verb, **part)
        with self.store.transaction() as tx:
            run = plan_runs.PlanRunRequest(plan, wanted, asked)
            return plan_runs.submit(self.deps, self._operations[verb], tx, run, "tester").job_id

    def run_plan(self, verb, plan, **asked):
        return self.settle(self.submit_plan(verb, plan, **asked))

    def answer(self, job_id, verdict, note=""):
        """To what the job asks now."""
        tree = self.tree(job_id)
        (position,) = [task.position for task in tree.tasks if asking.asks_now(task)]
        with self.store.transaction() as tx:
            self.engine.answer(tx.session, job_id, asking.GivenAnswer(position, verdict, note, "ada"))

    @property
    def operations(self):
        """By verb, as the vault has them."""
        return self._operations

    @property
    def catalogue(self):
        """The definitions, as the engine has them."""
        return self.engine._catalogue  # noqa: SLF001

    def steps(self, verb):
        made = self.catalogue.get(verb.value)
        if made.steps_of is None:
            return made.steps
        return made.steps_of({})

    def run(self, verb, *machines, **arguments):
        """The job (a JobTree) once it has ended."""
        return self.settle(self.submit(verb, *machines, **arguments))

    def settle(self, job_id, within_seconds=2 * 86400):
        """Let time pass until the job has ended; then let everything come to rest that it started."""
        deadline, step = self.clock.monotonic() + within_seconds, 1
        while not self.tree(job_id).job.state.ended:
            assert self.clock.monotonic() < deadline, f"still moving: {self.tree(job_id)}"
            self.engine.run_until_idle()
            self.clock.pass_by(step)
            step = min(step * 2, 86400)
        self.rest()
        return self.tree(job_id)

    def rest(self):
        """Let time pass until no job moves: minutes at first, then days, as a source that is away is
        waited for."""
        for turn in range(100):
            self.engine.run_until_idle()
            if not any(not job.state.ended for job in self.jobs()):
                return
            self.clock.pass_by(min(60 * 2**turn, 86400))
        raise AssertionError(f"jobs do not end: {[j for j in self.jobs() if not j.state.ended]}")

    def retry(self, job_id):
        with self.store.transaction() as tx:
            self.engine.retry(tx.session, job_id)
        return self.settle(job_id)

    def source_says(self, power, *names):
        """The appliance of the machines' source reports that they are so."""
        with self.store.transaction() as tx:
            for name in names or ("web01",):
                machine = tx.machines.find(name)
                assert machine is not None
                said = tx.statuses.without_points(machine.id).source
                assert said is not None
                said = said.model_copy(update={"power": power, "running": power == "running"})
                tx.statuses.put_source(said, self.clock.now())

    def jobs(self, verb=None):
        """Newest first."""
        with self.store.reading() as tx:
            found = search.find(tx.session, search.JobQuery(verb=verb and verb.value), limit=1000)
        return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)

    def tree(self, job_id):
        with self.store.reading() as tx:
            return read.tree(tx.session, job_id)

    def shown(self, job_id):
        """The job as the faces show it."""
        parts: Any = SimpleNamespace(store=self.store, catalogue=self.catalogue, sees=lambda *_: True)
        return Jobs(parts).show(job_id)

    def machine(self, name="web01"):
        with self.store.reading() as tx:
            return tx.machines.find(name)

    def state(self, name="web01"):
        found = self.machine(name)
        return found.state if found else State.UNPROTECTED

    def protect(self, *names):
        job = self.run(Verb.ENABLE_PROTECTION, *names)
        assert job.job.state == "succeeded", job
        self.appliances.given.clear()
