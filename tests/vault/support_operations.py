"""The verbs with the real job engine and store, and appliances that answer what a test dials.

`Appliances` stands at the gateway's port. By default every order succeeds; a test may have a kind of order fail, have
it never answered, or take an appliance away. It keeps what runs where, as far as orders say it. Time is the test's.
"""

import os
import tempfile
import uuid
from datetime import UTC, datetime, timedelta

from secondsite.domain import errors
from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.jobs import database, read
from secondsite.jobs.engine import Engine
from secondsite.vault import operations, ports
from secondsite.vault import store as vault_store
from secondsite.vault.steps.deps import Deps
from secondsite.wire import checks, orders, rest
from secondsite.wire.base import Problem
from secondsite.wire.control import Hello, Report
from secondsite.wire.machines import DiscoveredMachine, DiskDefinition, MachineDefinition, NicDefinition
from secondsite.wire.orders import Kind
from secondsite.wire.replication import Forward, PointShape, ReplicaStatus, SourceStatus

A, B = "appliance-a", "appliance-b"
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
}


def folder_in_memory():
    """Durability is other tests' matter: here every commit would wait for the disk."""
    return tempfile.TemporaryDirectory(
        prefix="ss-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    )


def definition(name):
    fabric_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    disks = (DiskDefinition(key="vda", size_bytes=1 << 20), DiskDefinition(key="vdb", size_bytes=1 << 20))
    nics = (NicDefinition(key="net0", mac="52:54:00:00:00:01", network="lan"),)
    return MachineDefinition(
        fabric_id=fabric_id, name=name, fabric_kind="simulated", vcpus=1, memory_bytes=1 << 27, disks=disks, nics=nics
    )  # fmt: skip


class Clock:
    def __init__(self):
        self.at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def now(self):
        return self.at

    def monotonic(self):
        return self.at.timestamp()

    def pass_by(self, seconds):
        self.at += timedelta(seconds=seconds)


class Appliances:
    """`given` lists (appliance, kind, machine id) of each order that was carried out, in that order."""

    def __init__(self, clock, names):
        self._clock = clock
        self.store = None
        self.inventory = [definition(name) for name in names]
        self.given = []
        self.failing = {}
        self.silent = set()
        self.coming_on = lambda: None
        self.away = set()
        self.points = {}
        self.seeded = None
        self.started = []
        self.runs = {}
        self.setups = {}
        self._reports = {}
        self._epochs = {}

    # ---- the port ----------------------------------------------------------------------------------------

    def ask(self, appliance_id, order_id, kind, machine_id, payload, deadline_seconds):
        if order_id not in self._reports:
            if appliance_id in self.away or kind in self.silent:
                return None
            self._reports[order_id] = self._report(order_id, appliance_id, Kind(kind), machine_id, payload)
        return self._reports[order_id]

    def forget(self, order_id):
        self._reports.pop(order_id, None)

    def progress(self, order_id):
        fraction = self.coming_on()
        return None if fraction is None else (fraction, "sending")

    def is_connected(self, appliance_id):
        return appliance_id not in self.away

    # ---- what a test dials ---------------------------------------------------------------------------------

    def fail(self, kind, times=1000, machine_id=None):
        self.failing[kind] = [times, machine_id]

    def mend(self):
        self.failing.clear()
        self.silent.clear()
        self.away.clear()

    def running(self, machine_id):
        """Appliances at whose site a copy of the machine runs."""
        return sorted(at for (machine, at), runs in self.runs.items() if runs and machine == machine_id)

    # ---- behind it -----------------------------------------------------------------------------------------

    def _report(self, order_id, appliance_id, kind, machine_id, payload):
        left = self.failing.get(kind, [0, None])
        if left[0] > 0 and left[1] in (None, machine_id):
            left[0] -= 1
            problem = Problem.of(errors.FabricError(f"{kind} was told to fail."))
            return Report(order_id=order_id, problem=problem)
        shape = orders.ORDERS[kind].payload.model_validate(payload)
        self.given.append((appliance_id, kind, machine_id))
        facts = getattr(self, f"_{kind.value}", self._nothing)(appliance_id, machine_id, shape)
        return Report(order_id=order_id, sentence=f"did {kind}", facts=facts.model_dump(mode="json"))

    def _nothing(self, appliance_id, machine_id, payload):
        return orders.Nothing()

    def _check_source(self, *_):
        return checks.Obstacles()

    _check_target = _check_source

    def _discover(self, *_):
        machines = tuple(
            DiscoveredMachine(fabric_id=d.fabric_id, name=d.name, power="running", tag=None, definition=d)
            for d in self.inventory
        )
        return orders.Inventory(machines=machines, networks=())

    def _start_replication(self, appliance_id, machine_id, setup):
        self.seeded = setup.seeded
        self._epochs[machine_id] = setup.epoch
        self.setups[machine_id] = setup
        self.runs[machine_id, appliance_id] = True
        self.seal(machine_id)
        return orders.Nothing()

    def _resynchronize(self, appliance_id, machine_id, payload):
        self.seal(machine_id)
        return orders.Nothing()

    def _power(self, appliance_id, machine_id, payload):
        return orders.PowerFact(power="running" if self.runs.get((machine_id, appliance_id)) else "off")

    def _shut_down(self, appliance_id, machine_id, payload):
        self.runs[machine_id, appliance_id] = False
        return orders.PowerFact(power="off")

    def _restart(self, appliance_id, machine_id, payload):
        self.runs[machine_id, appliance_id] = True
        return orders.PowerFact(power="running")

    _withdraw = _remove_machine = _shut_down

    def _pre_copy(self, appliance_id, machine_id, payload):
        point = self.seal(machine_id)
        return orders.CycleFact(
            epoch=point.epoch, seq=point.seq, point_id=point.id, taken_at=point.taken_at,
            changed_bytes=1, wire_bytes=1, seconds=0.1,
        )  # fmt: skip

    _run_cycle = _pre_copy

    def _import_seed(self, appliance_id, machine_id, payload):
        size_bytes = sum(seed.size_bytes for seed in payload.seeds)
        return checks.SeedFact(data_bytes=size_bytes, size_bytes=size_bytes, seconds=1)

    def _list_points(self, appliance_id, machine_id, payload):
        return orders.Points(points=self._points(machine_id))

    _drain = _list_points

    def _find_instant(self, appliance_id, machine_id, payload):
        """The newest point before, and three cycles on it."""
        point = [point for point in self._points(machine_id) if point.taken_at <= payload.at][-1]
        forward = Forward(seq=point.seq + 3, taken_at=payload.at)
        return orders.InstantFact(point_id=point.id, taken_at=payload.at, forward=forward, cycles=3)

    def _start_replica(self, appliance_id, machine_id, payload):
        self.started.append(payload)
        if payload.run == "failover":
            self.runs[machine_id, appliance_id] = True
        return orders.StartFact(
            fabric_id=payload.fabric_id, name=payload.name, point_id=payload.point_id, taken_at=self._clock.now(),
            seconds=0.1,
        )  # fmt: skip

    def _stop_replica(self, appliance_id, machine_id, payload):
        if payload.run == "failover":
            self.runs[machine_id, appliance_id] = False
        return orders.Nothing()

    def seal(self, machine_id):
        """A new point of the machine, and what both sides then say of it."""
        epoch = self._epochs[machine_id]
        seq = max((p.seq for p in self._points(machine_id)), default=0) + 1
        point = PointShape(
            id=f"{machine_id[:4]}-{epoch}.{seq}",
            taken_at=self._clock.now(),
            epoch=epoch,
            seq=seq,
            disks=self.setups[machine_id].disks,
        )
        self.points.setdefault((machine_id, epoch), []).append(point)
        source = SourceStatus(machine_id=machine_id, epoch=epoch, power="running", running=True, last_seq=seq)
        replica = ReplicaStatus(
            machine_id=machine_id,
            epoch=epoch,
            accepting=True,
            synchronized=True,
            points=self._points(machine_id),
        )
        with self.store.transaction() as tx:
            tx.statuses.put_source(source, self._clock.now())
            tx.statuses.put_replica(replica, self._clock.now())
        return point

    def _points(self, machine_id):
        return tuple(self.points.get((machine_id, self._epochs.get(machine_id)), ()))


class Verbs:
    """A vault without its faces: submit verbs, let its jobs run, look at machines."""

    def __init__(self, folder, names=("web01",)):
        url = f"sqlite:///{folder}/vault.db"
        vault_store.migrate(url)
        self.clock = Clock()
        self.appliances = Appliances(self.clock, names)
        self._db = database.connect(url)
        self.store = self.appliances.store = vault_store.SqlStore(self._db)
        deps = Deps(
            self.store,
            self.appliances,
            self._submit,
            self.clock.now,
            self.clock.monotonic,
            lambda: uuid.uuid4().hex,
        )
        self._operations = operations.operations(deps)
        self.engine = Engine(self._db, operations.definitions(deps), clock=self.clock.now, owner="test")
        self._furnish()

    def close(self):
        self._db.dispose()

    def _submit(self, session, name, *, subject, subject_name, arguments, by):
        return self.engine.submit(
            session, name, subject=subject, subject_name=subject_name, arguments=arguments, requested_by=by
        )

    def _furnish(self):
        with self.store.transaction() as tx:
            tx.policies.put(ReplicationPolicy("default"))
            for site, appliance in (("a", A), ("b", B)):
                tx.sites.add(ports.SiteRecord(site, self.clock.now()))
                hello = Hello(
                    appliance_id=appliance, site=site, version="1", fabric_kind="simulated", accelerated=False,
                    data_addresses=("127.0.0.1:9445",),
                )  # fmt: skip
                tx.appliances.put(
                    ports.ApplianceRecord(
                        appliance,
                        appliance,
                        site,
                        self.clock.now(),
                        self.clock.now(),
                        connected=True,
                        hello=hello,
                    )
                )

    # ---- what a person does --------------------------------------------------------------------------------

    def submit(self, verb, *machines, **arguments):
        """The job's id; nothing has run yet."""
        machines = machines or ("web01",)
        if verb is Verb.ENABLE_PROTECTION:
            request = rest.EnableProtection(machines=machines, source_site="a", target_site="b", **arguments)
        else:
            request = REQUESTS[verb](machines=machines, **arguments)
        with self.store.transaction() as tx:
            return self._operations[verb].submit(tx, request, "tester").job_id

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
        for _ in range(200):
            self.engine.run_until_idle()
            if not any(not job.state.ended for job in self.jobs()):
                return
            self.clock.pass_by(3600)
        raise AssertionError(f"jobs do not end: {[j for j in self.jobs() if not j.state.ended]}")

    def retry(self, job_id):
        with self.store.transaction() as tx:
            self.engine.retry(tx.session, job_id)
        return self.settle(job_id)

    def jobs(self, verb=None):
        """Newest first."""
        with self.store.reading() as tx:
            return read.list_jobs(tx.session, name=verb and verb.value)

    def tree(self, job_id):
        with self.store.reading() as tx:
            return read.tree(tx.session, job_id)

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
