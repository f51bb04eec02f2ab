"""Appliances that answer what a test dials, and the test's own time.

`Appliances` stands at the gateway's port. By default every order succeeds; a test may have a kind of order
fail, have it never answered, or take an appliance away. It keeps what runs where, as far as orders say it.
"""

import base64
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from secondsite.domain import errors
from secondsite.jobs.storage import read
from secondsite.wire.common.base import Problem
from secondsite.wire.common.evidence import AddressVerdict, Evidence, RestoredNetwork
from secondsite.wire.common.machine_checks import CheckVerdict
from secondsite.wire.common.machines import (
    DiscoveredMachine,
    DiskDefinition,
    MachineDefinition,
    NicDefinition,
)
from secondsite.wire.common.points import PointShape, RollForward
from secondsite.wire.control import Report, checks, copies, guest_files, orders, proofs, scripts
from secondsite.wire.control import names as names_wire
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus
from tests.vault.support_copies import Copies

A, B = "appliance-a", "appliance-b"


def definition(name):
    fabric_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    disks = (DiskDefinition(key="vda", size_bytes=1 << 20), DiskDefinition(key="vdb", size_bytes=1 << 20))
    nics = (NicDefinition(key="net0", mac="52:54:00:00:00:01", network="lan"),)
    return MachineDefinition(
        fabric_id=fabric_id, name=name, fabric_kind="simulated", vcpus=1, memory_bytes=1 << 27, disks=disks,
        nics=nics
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
    """`given` lists (appliance, kind, machine id) of each order that was carried out, in that order.
    Orders of a kind in `failing` fail, in `silent` are not carried out, in `unheard` are carried out and
    never reported, in `late` come once they `arrive`. Appliances in `deaf` are connected, and carry out
    nothing. `hosts` are the names of the machines that an appliance has (all), those of an appliance in
    `off` or `saved` are it. Those in `never_had` have none to withdraw, those in `sick` cannot use their
    hypervisor."""

    def __init__(self, clock, names):
        self._clock = clock
        self.store: Any = None
        self.inventory = [definition(name) for name in names]
        self.hosts = {}
        self.off = set()
        self.damages = False
        self.cycle_seconds = 0.1
        self.pre_copied: Any = None
        self.saved = set()
        self.open_elsewhere = set()
        self.alone = set()
        """Appliances whose machines came home to their own disks, and stand on these."""
        self.given = []
        self.looked_for: list[str | None] = []
        self.failing = {}
        self.silent = set()
        self.late = set()
        self.lying = {}
        """By appliance, the tokens in the store in which it takes replicas over."""
        self.taken = []
        self._on_the_way = {}
        self.unheard = set()
        self._trap = None
        self.coming_on = lambda: None
        self.away = set()
        self.deaf = set()
        self.points = {}
        self.occupied_bytes = 7 << 30
        self.checked = None
        self.networks: dict[str, list[str]] = {}
        self.asked_network: Any = None
        self.asked_at: dict[str, Any] = {}
        self.removed_network: Any = None
        self.sets_cpu_model = True
        self.shares_networks = self.sizes = self.makes_several = self.serves = self.keeps = True
        self.subnets: dict[str, str] = {}
        self.networks_of: dict[str, Any] = {}
        self.known_of: dict[str, dict[str, Any]] = {}
        self.obstacles: tuple[checks.ObstacleShape, ...] = ()
        self.copy_on: checks.CopyInstant | None = None
        self.seeded = None
        self.started, self.booted = [], []
        self.stopped, self.shut_downs = [], []
        self.ended: list[orders.StopReplica] = []
        self.removed = []
        self.copies = Copies()
        self.setups = {}
        self.generations = {}
        self.stale = []
        self.missing = False
        self.never_had: set[str] = set()
        self.sick: set[str] = set()
        self.shows = None
        self.failing_checks: set[str] = set()
        self.knows_no_checks = False
        self.gives_no_addresses, self.agent_sets_addresses, self.leases = False, True, {}
        self.guest_has: tuple[str, ...] = ()
        self.gives_ipv6 = True
        self.gives_routes = True
        self.passing: str | None = None
        """Why an address lasts until the guest's next boot only."""
        self.restored: RestoredNetwork | None = None
        self.told: dict[str, tuple[str, ...]] = {}
        self.named: list[tuple[str, names_wire.UpdateNames]] = []
        self.pointed: dict[str, str] = {}
        self.agent_says: str | None = None
        self.names_stay: set[str] = set()
        self.scripts: dict[str, scripts.ScriptResult] = {}
        self.ran_in: list[tuple[str, str]] = []
        self.knows_guests = True
        self.ran = []
        self.screen: bytes | None = None
        self.handed_over, self.taken_over = orders.HandedOver(), orders.HandedOver()
        self._accepting = set()
        self._reports = {}
        self._epochs = {}

    # ---- the port ----------------------------------------------------------------------------------------

    def ask(
        self, appliance_id, order_id, kind, machine_id, payload, deadline_seconds, *, generation=None,
        drill_generation=None, given_at=None,
    ):  # fmt: skip
        if order_id not in self._reports:
            self._spring(order_id, kind)
            if appliance_id in self.away | self.deaf or kind in self.silent:
                return None
            if kind in self.late or order_id in self._on_the_way:
                self._on_the_way[order_id] = (appliance_id, kind, machine_id, payload, generation)
                return None
            self._reports[order_id] = (
                self._stale(order_id, (appliance_id, machine_id), generation)
                or self._stale(order_id, (appliance_id, machine_id, "drill"), drill_generation)
                or self._report(order_id, appliance_id, kind, machine_id, payload)
            )
        return None if kind in self.unheard else self._reports[order_id]

    def awaited(self, order_id, _seconds):
        """What it has to say it says at once."""
        return

    def forget(self, order_id):
        self._reports.pop(order_id, None)

    def progress(self, order_id):
        fraction = self.coming_on()
        return None if fraction is None else (fraction, "sending")

    def is_connected(self, appliance_id):
        return appliance_id not in self.away

    def holds(self, appliance_id):
        return self.is_connected(appliance_id)

    def lost_seconds(self, _appliance_id):
        return 0.0

    def hang_up(self, appliance_id):
        self.away.add(appliance_id)

    # ---- what a test dials ---------------------------------------------------------------------------------

    def fail(self, kind, times=1000, machine_id=None, problem=None):
        problem = problem or errors.FabricError(f"{kind} was told to fail.")
        self.failing[kind] = [times, machine_id, problem]

    def arrive(self):
        """What was late is carried out now, whoever still waits for it; the problems (None: it was done)."""
        orders, self._on_the_way = self._on_the_way, {}
        return [self._arrived(order_id, *order) for order_id, order in orders.items()]

    def _arrived(self, order_id, appliance_id, kind, machine_id, payload, generation):
        self._reports[order_id] = self._stale(
            order_id, (appliance_id, machine_id), generation
        ) or self._report(order_id, appliance_id, kind, machine_id, payload)
        return self._reports[order_id].problem

    def at_order(self, nth, happens):
        """Call `happens(kind)` when the nth order from now (0: the next) is asked for the first time."""
        self._trap = [nth, set(), happens]

    def mend(self):
        self._trap = None
        self.unheard.clear()
        self.failing.clear()
        self.silent.clear()
        self.away.clear()

    def destroy(self, appliance_id):
        """Away, and nothing runs there any more."""
        self.away.add(appliance_id)
        self.copies.lose(appliance_id)

    def running(self, machine_id):
        """Appliances at whose site a copy of the machine runs."""
        return self.copies.running(machine_id)

    def _spring(self, order_id, kind):
        if self._trap is None or order_id in self._trap[1]:
            return
        nth, asked, happens = self._trap
        asked.add(order_id)
        if len(asked) > nth:
            self._trap = None
            happens(kind)

    # ---- behind it -----------------------------------------------------------------------------------------

    def _stale(self, order_id, key, generation):
        """As appliances do (appliance/control/generations.py)."""
        seen = self.generations.get(key, 0)
        if generation is None:
            return None
        if generation < seen:
            self.stale.append(order_id)
            return Report(order_id=order_id, problem=Problem.of(errors.StaleOrder(f"{generation} < {seen}.")))
        self.generations[key] = generation
        return None

    def lose_reports(self):
        """As after thirty days."""
        self._reports.clear()

    def tell_generations(self):
        """What every connection begins with."""
        with self.store.transaction() as tx:
            for (_, machine_id, *drill), generation in self.generations.items():
                tx.statuses.put_numbers({machine_id: (0, generation) if drill else (generation, 0)})

    def _report(self, order_id, appliance_id, kind, machine_id, payload):
        left = self.failing.get(kind, [0, None, None])
        if left[0] > 0 and left[1] in (None, machine_id):
            left[0] -= 1
            return Report(order_id=order_id, problem=Problem.of(left[2]))
        if appliance_id in self.sick:
            return Report(
                order_id=order_id, problem=Problem.of(errors.FabricError("The hypervisor is away."))
            )
        assert isinstance(payload, orders.ORDERS[kind].payload)
        if kind is Kind.START_REPLICA and payload.run == "failover" and machine_id in self._accepting:
            problem = Problem.of(errors.NotPossibleNow("The replica takes cycles.", do="Close it first."))
            return Report(order_id=order_id, problem=problem)
        if kind is Kind.WITHDRAW and (self.missing or appliance_id in self.never_had):
            return Report(order_id=order_id, problem=Problem.of(errors.NotFound("The site has no machine.")))
        self.given.append((appliance_id, kind, machine_id))
        facts = getattr(self, f"_{kind.value}", self._nothing)(appliance_id, machine_id, payload)
        assert isinstance(facts, orders.ORDERS[kind].facts)
        self.copies.observe(kind, self._job_name(order_id), machine_id, appliance_id)
        return Report(order_id=order_id, sentence=f"did {kind}", facts=facts.model_dump(mode="json"))

    def _job_name(self, order_id):
        with self.store.reading() as tx:
            return read.get(tx.session, order_id.partition("/")[0]).name

    def _restore_copy(self, appliance_id, machine_id, payload):
        return copies.RestoredCopy(fabric_id=payload.fabric_id, name=payload.name)

    def _fetch_files(self, appliance_id, machine_id, payload):
        return guest_files.FetchedFiles(place=payload.folder)

    def _nothing(self, appliance_id, machine_id, payload):
        return orders.Nothing()

    def _hand_over(self, *_):
        return self.handed_over

    def _take_over(self, appliance_id, machine_id, payload):
        self.taken_over = payload.before
        return orders.Nothing()

    def _create_network(self, appliance_id, machine_id, payload):
        self.asked_network = self.asked_at[appliance_id] = payload
        for each in (payload, *payload.more):
            self.networks.setdefault(each.name, []).append(machine_id)
        return orders.CreatedNetwork(name=payload.name, kind="bridge", isolated=True, leased=self.leases)

    def _remove_network(self, appliance_id, machine_id, payload):
        self.removed_network = payload
        return orders.Nothing()

    def _check_source(self, *_):
        return checks.SourceCheckFact(needed_bytes=self.occupied_bytes)

    def _check_target(self, appliance_id, machine_id, payload):
        self.checked = payload
        stand_ins = (
            checks.NetworkCandidate(
                network=each, subnet=self.subnets.get(each), **self.known_of.get(each, {})
            )
            for each in payload.stand_ins
        )
        return checks.TargetCheckFact(
            obstacles=self.obstacles,
            shares_networks=self.shares_networks,
            sizes=self.sizes,
            sets_cpu_model=self.sizes and self.sets_cpu_model,
            makes_several=self.makes_several and self.shares_networks,
            serves=self.serves,
            stand_ins=tuple(stand_ins),
            keeps=self.keeps,
            copy_on=self.copy_on if payload.no_copy else None,
        )

    def _discover(self, appliance_id, _, payload):
        self.looked_for.append(payload.machine)
        power = "off" if appliance_id in self.off else "running"
        names = self.hosts.get(appliance_id, [each.name for each in self.inventory])
        machines = tuple(
            DiscoveredMachine(fabric_id=d.fabric_id, name=d.name, power=power, tag=None, definition=d)
            for d in self.inventory
            if d.name in names and payload.machine in (None, d.fabric_id, d.name)
        )
        return orders.Inventory(machines=machines, networks=self.networks_of.get(appliance_id, ()))

    def _start_replication(self, appliance_id, machine_id, setup):
        self.seeded = setup.seeded
        self._epochs[machine_id] = setup.epoch
        self.setups[machine_id] = setup
        if (machine_id, appliance_id) not in self.copies.made:
            self.copies.run(machine_id, appliance_id)
        self.seal(machine_id)
        return orders.Nothing()

    def _stop_replication(self, appliance_id, machine_id, payload):
        self.stopped.append(payload)
        return orders.Nothing()

    def _remove_replica(self, appliance_id, machine_id, payload):
        self.removed.append(payload)
        return orders.Nothing()

    def _prepare_replica(self, appliance_id, machine_id, payload):
        self._accepting.add(machine_id)
        return orders.Nothing()

    def _take_replica(self, appliance_id, machine_id, payload):
        if payload.accepting:
            self._accepting.add(machine_id)
        self.taken.append(payload)
        return orders.TakenReplica(tokens=self.lying.get(appliance_id, ()))

    def _accept_cycles(self, appliance_id, machine_id, payload):
        (self._accepting.add if payload.accepting else self._accepting.discard)(machine_id)
        return orders.Nothing()

    def _resynchronize(self, appliance_id, machine_id, payload):
        self.seal(machine_id)
        return orders.Nothing()

    def _power(self, appliance_id, machine_id, payload):
        if appliance_id in self.saved:
            return orders.PowerFact(power="saved")
        if appliance_id in self.open_elsewhere:
            return orders.PowerFact(power="elsewhere")
        if (machine_id, appliance_id) not in self.copies.made:
            return orders.PowerFact(power="missing")
        told = self.told if payload.tell_addresses else {}
        power = "running" if appliance_id in self.running(machine_id) else "off"
        return orders.PowerFact(power=power, addresses=told, stands_alone=appliance_id in self.alone)

    def _shut_down(self, appliance_id, machine_id, payload):
        self.shut_downs.append(payload)
        already = appliance_id not in self.running(machine_id)
        self.copies.stop(machine_id, appliance_id)
        return orders.PowerFact(power="off", already=already)

    def _restart(self, appliance_id, machine_id, payload):
        if not payload.start:
            return self._power(appliance_id, machine_id, orders.FabricMachine(fabric_id=payload.fabric_id))
        self.copies.run(machine_id, appliance_id)
        return orders.PowerFact(power="running")

    def _withdraw(self, appliance_id, machine_id, payload):
        self.copies.stop(machine_id, appliance_id)
        return orders.Nothing()

    _remove_machine = _withdraw

    def _pre_copy(self, appliance_id, machine_id, payload):
        self.pre_copied = payload
        return self._run_cycle(appliance_id, machine_id, orders.RunCycle())

    def _run_cycle(self, appliance_id, machine_id, payload):
        point = self.seal(machine_id, set_id=payload.set_id)
        return orders.CycleFact(
            epoch=point.epoch, seq=point.seq, point_id=point.id, taken_at=point.taken_at,
            changed_bytes=1, wire_bytes=1, seconds=self.cycle_seconds,
        )  # fmt: skip

    def _import_seed(self, appliance_id, machine_id, payload):
        size_bytes = sum(seed.size_bytes for seed in payload.seeds)
        return checks.SeedFact(data_bytes=size_bytes, size_bytes=size_bytes, seconds=1)

    def _list_points(self, appliance_id, machine_id, payload):
        return orders.Points(points=self._points(machine_id))

    def _drain(self, appliance_id, machine_id, payload):
        found = self._points(machine_id)
        return orders.Points(points=tuple(p.model_copy(update={"damaged": self.damages}) for p in found))

    def _find_instant(self, appliance_id, machine_id, payload):
        """The newest point before, and three cycles on it."""
        point = [point for point in self._points(machine_id) if point.taken_at <= payload.at][-1]
        forward = RollForward(seq=point.seq + 3, taken_at=payload.at)
        return orders.InstantFact(point_id=point.id, taken_at=payload.at, forward=forward, cycles=3)

    def _start_replica(self, appliance_id, machine_id, payload):
        self.started.append(payload)
        if payload.run == "failover":
            self.copies.run(machine_id, appliance_id)
        return orders.StartFact(
            fabric_id=payload.fabric_id, name=payload.name, point_id=payload.point_id,
            taken_at=self._clock.now(),
            seconds=0.1, shows=self.shows, sized=self.sizes,
            cpu_model=payload.sizing.cpu_model if self.sizes and self.sets_cpu_model else None,
        )  # fmt: skip

    def _prove(self, appliance_id, machine_id, payload):
        verdicts = [
            CheckVerdict(
                name=check.name, passed=check.name not in self.failing_checks, said="asked", seconds=0.1
            )
            for check in payload.checks
        ]
        proven = bool(verdicts) and all(verdict.passed for verdict in verdicts)
        known = () if self.knows_no_checks else tuple(verdicts)
        self.proving = payload
        given = tuple(
            AddressVerdict(
                key=each.key,
                mac=each.mac,
                address=each.address,
                given=self.agent_sets_addresses,
                said="eth0",
                passing=self.passing,
                ipv6=each.ipv6.address if each.ipv6 is not None and self.gives_ipv6 else None,
                routes=[route.to for route in each.routes if self.gives_routes],
            )
            for each in getattr(payload, "addresses", ())
            if not self.gives_no_addresses
        )
        restored = self.restored if getattr(payload, "own_network", False) else None
        evidence = Evidence(
            proven=proven, power="running", agent="none", seconds=0.1, checks=known, addresses=given,
            guest_addresses=self.guest_has, restored=restored
        )  # fmt: skip
        picture = None if self.screen is None else base64.b64encode(self.screen).decode()
        return proofs.Proof(evidence=evidence, picture=picture)

    def _repeat_checks(self, appliance_id, machine_id, payload):
        proof = self._prove(appliance_id, machine_id, payload)
        return proofs.RepeatedChecks(power="running", verdicts=proof.evidence.checks)

    def _boot_point(self, appliance_id, machine_id, payload):
        self.booted.append(payload)
        return self._prove(appliance_id, machine_id, payload)

    def _update_names(self, appliance_id, machine_id, payload):
        """As real ones do: what the guest's agent says, else what came with the order."""
        self.named.append((appliance_id, payload))
        return names_wire.NamesFact(verdicts=tuple(map(self._pointed, payload.names)))

    def _pointed(self, wanted):
        address = self.agent_says or wanted.address
        if address is None or wanted.name in self.names_stay:
            return names_wire.NameVerdict(name=wanted.name, said="told to stay")
        before, self.pointed[wanted.name] = self.pointed.get(wanted.name), address
        return names_wire.NameVerdict(
            name=wanted.name, address=address, before=None if before == address else before
        )

    def _check_scripts(self, appliance_id, machine_id, payload):
        names = (*payload.names, *payload.in_guests)
        missing = [f"There is no script {name}." for name in names if name not in self.scripts]
        return scripts.MissingScripts(problems=tuple(missing), knows_guests=self.knows_guests)

    def _run_script(self, appliance_id, machine_id, payload):
        self.ran.append((appliance_id, payload.name, payload.context))
        return self.scripts[payload.name]

    def _run_guest_script(self, appliance_id, machine_id, payload):
        self.ran_in.append((payload.guest.fabric_id, payload.guest.name))
        return self._run_script(appliance_id, machine_id, payload)

    def _stop_replica(self, appliance_id, machine_id, payload):
        self.ended.append(payload)
        if payload.run == "failover":
            self.copies.stop(machine_id, appliance_id)
        return orders.Nothing()

    def seal(self, machine_id, **what):
        """A new point of the machine, with `what` is given of it, and what both sides then say of it."""
        epoch = self._epochs[machine_id]
        seq = max((p.seq for p in self._points(machine_id)), default=0) + 1
        point = PointShape(
            id=f"{machine_id[:4]}-{epoch}.{seq}",
            taken_at=self._clock.now(),
            epoch=epoch,
            seq=seq,
            disks=self.setups[machine_id].disks,
            **what,
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

    def speak(self):
        """Both sides say of all machines what they said before, as appliances do every few seconds."""
        with self.store.transaction() as tx:
            for machine in tx.machines.list():
                known = tx.statuses.get(machine.id)
                if known.source is not None:
                    tx.statuses.put_source(known.source, self._clock.now())
                if known.replica is not None:
                    tx.statuses.put_replica(known.replica, self._clock.now())

    def remember_all(self):
        """What these appliances would know if they had replicated the store's machines so far."""
        with self.store.reading() as tx:
            for machine in tx.machines.list():
                replica = tx.statuses.get(machine.id).replica
                self.points[machine.id, machine.epoch] = list(replica.points) if replica else []
                self._epochs[machine.id] = machine.epoch
                self.setups[machine.id] = machine

    def _points(self, machine_id):
        return tuple(self.points.get((machine_id, self._epochs.get(machine_id)), ()))
