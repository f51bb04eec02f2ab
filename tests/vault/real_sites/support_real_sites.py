"""The verbs over two real appliances with simulated machines, in this process. The vault's time is the
test's, so that nobody waits for a site that is gone; that of the appliances is real."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from rig import guest_disk
from rig.appliances import Site
from secondsite.appliance.control.reporter import Reporter
from secondsite.datapath.replica.record import base_files, record
from secondsite.domain import errors
from secondsite.domain.policies import ReplicationPolicy
from secondsite.entry import restored_vault
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground import real_files
from secondsite.ground.units import DAY
from secondsite.vault.facade.shared import machine_shapes
from secondsite.vault.fleet.status_intake import StatusIntake
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import ApplianceRecord
from secondsite.wire.common.base import Problem
from secondsite.wire.control import Order, Report
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import Verbs

NEW = "appliance-new"
DISK_BYTES = 1 << 20
BUSY_SECONDS = 120
"""Orders are carried out within the step that gives them, on a busy host."""
BLOCK = 64 * 1024
QUICK = ReplicationPolicy(
    "default", rpo_threshold_seconds=7 * DAY, crash_consistent_every_seconds=2,
    app_consistent_every_seconds=0, cycle_seconds=1
)  # fmt: skip
"""The vault's time may run far ahead."""
PATIENCE_SECONDS = 90
TICK_SECONDS, REAL_SECONDS = 2.0, 0.02
"""How the vault's time passes while a job waits, and how long an appliance has meanwhile."""


class RealAppliances:
    """At the gateway's port. `refuse` an order of a kind for a machine: its appliance then fails, and has
    done nothing."""

    def __init__(self, folder, names):
        self._folder, self._ca = folder, trustme.CA()
        self.sites = {A: Site.issued(folder, "a", self._ca), B: Site.issued(folder, "b", self._ca)}
        self.homes = {name: self.sites[A].make_machine(name, size_bytes=DISK_BYTES) for name in names}
        for site in self.sites.values():
            simulated.add_network(site.root, "lan")
            site.start()
        self.away = set()
        self._refused = {}
        self._reports = {}
        self._epochs = {}

    def add(self, appliance_id, site):
        """Another appliance at that site, on hardware of its own."""
        made = Site.issued(self._folder / appliance_id, site, self._ca, appliance_id=appliance_id)
        simulated.add_network(made.root, "lan")
        self.sites[appliance_id] = made.start()

    def letter(self, appliance_id):
        """Of its site."""
        return self.sites[appliance_id].config.site

    def end(self):
        for site in self.sites.values():
            if site.folder.exists():
                site.end()

    # ---- the port
    # ----------------------------------------------------------------------------------------------

    def ask(
        self, appliance_id, order_id, kind, machine_id, payload, deadline_seconds, *, generation=None,
        drill_generation=None, given_at=None,
    ):  # fmt: skip
        if order_id not in self._reports:
            if appliance_id in self.away:
                return None
            self._reports[order_id] = self._refusal(order_id, kind, machine_id) or self._perform(
                appliance_id, order_id, kind, machine_id, payload, generation, drill_generation
            )
        return self._reports[order_id]

    def _perform(self, appliance_id, order_id, kind, machine_id, payload, generation, drill_generation):
        order = Order(
            order_id=order_id, kind=kind, machine_id=machine_id, payload=payload.model_dump(mode="json"),
            deadline_seconds=30, generation=generation, drill_generation=drill_generation,
        )  # fmt: skip
        desk = self.sites[appliance_id].appliance.desk
        try:
            return desk._known(order) or desk.perform(order)  # noqa: SLF001 as its connection gives it
        except errors.SecondsiteError as error:  # armed at a seam outside of the order itself
            return Report(order_id=order_id, machine_id=machine_id, problem=Problem.of(error))

    def _refusal(self, order_id, kind, machine_id):
        if (kind, machine_id) not in self._refused:
            return None
        self._refused.pop((kind, machine_id))
        problem = Problem.of(errors.FabricError(f"{kind} was told to fail."))
        return Report(order_id=order_id, machine_id=machine_id, problem=problem)

    def refuse(self, kind, machine_id):
        """Once."""
        self._refused[kind, machine_id] = True

    def awaited(self, _order_id, _seconds):
        return None

    def forget(self, order_id):
        self._reports.pop(order_id, None)

    def progress(self, _order_id):
        return None

    def is_connected(self, appliance_id):
        return appliance_id not in self.away

    def holds(self, appliance_id):
        return self.is_connected(appliance_id)

    def lost_seconds(self, _appliance_id):
        return 0.0

    def hang_up(self, appliance_id):
        raise NotImplementedError(appliance_id)


class RealSites(Verbs):
    """A vault with two sites. `end` it."""

    def __init__(self, folder, names):
        self._folder = folder
        self.lost = ""
        super().__init__(folder, names)
        self._furnish_more()
        self._tell_hellos()

    def made_appliances(self, names):
        self.clock.at = datetime.now(UTC)
        return RealAppliances(self._folder, names)

    def hello(self, site, appliance):
        said = super().hello(site, appliance)
        return said.model_copy(update={"data_addresses": (self.appliances.sites[appliance].data_address,)})

    def open(self):
        super().open()
        self.facts = StatusIntake(self.store, self._signal, self.clock.now)
        self._reporters = {}

    def furnish_anew(self):
        """A new vault, whose database has nothing but sites and appliances."""
        self._furnish()
        self._furnish_more()
        self._tell_hellos()

    def _furnish_more(self):
        with self.store.transaction() as tx:
            tx.policies.put(QUICK)
            for each in tx.appliances.list():
                tx.appliances.put(replace(each, certificate_expires_at=self.clock.now() + timedelta(days=90)))

    def _signal(self, key):
        self.engine.signal(key)

    def _tell_hellos(self):
        for site, appliance in (("a", A), ("b", B)):
            self.facts.connected(self.hello(site, appliance))

    def end(self):
        self.close()
        self.appliances.end()

    # ---- what appliances say, and time
    # -----------------------------------------------------------------------------

    def hear(self):
        """What the appliances that are there have to say now."""
        for each, site in self.appliances.sites.items():
            if each not in self.appliances.away:
                self._hear(each, site.appliance)
        for key in self.facts.write().signals:
            self.engine.signal(key)

    def _hear(self, appliance_id, appliance):
        reporter = self._reporters.get(appliance_id)
        if reporter is None or reporter[0] is not appliance:
            reporter = appliance, Reporter(appliance.replication, appliance.host, appliance.desk.generations)
            self._reporters[appliance_id] = reporter
        reporter[1].start_over()
        for status in reporter[1].next():
            self.facts.hear(appliance_id, status.model_copy(update={"at": self.clock.now()}))

    def pass_time(self, within_seconds, is_over):
        """Until that is so, or so much of the vault's time has passed, and enough of the appliances';
        gives whether it came so."""
        deadline, at_least = self.clock.monotonic() + within_seconds, time.monotonic() + PATIENCE_SECONDS
        while not is_over():
            if self.clock.monotonic() > deadline and time.monotonic() > at_least:
                return False
            self.hear()
            self.engine.run_until_idle(BUSY_SECONDS)
            time.sleep(REAL_SECONDS)
            self.clock.pass_by(TICK_SECONDS)
            # never behind the appliances' clocks, however slow this host is: points of the future are not
            # believed
            self.clock.at = max(self.clock.at, datetime.now(UTC))
        return True

    def settle(self, job_id, within_seconds=600):
        return self.settle_all([job_id], within_seconds)[0]

    def settle_all(self, job_ids, within_seconds=600):
        """The jobs (JobTrees) once they have ended, and what they started by themselves."""
        ended = self.pass_time(
            within_seconds, lambda: all(self.tree(each).job.state.ended for each in job_ids)
        )
        assert ended, [self.tree(each) for each in job_ids if not self.tree(each).job.state.ended]
        self.rest()
        return [self.tree(each) for each in job_ids]

    def rest(self):
        """Until no job moves but those that wait for a site."""
        assert self.pass_time(600, lambda: not self._moving()), self._moving()
        self.hear()

    def _moving(self):
        return [job for job in self.jobs() if not job.state.ended and job.name != "finish_later"]

    # ---- what is there
    # ------------------------------------------------------------------------------------------------

    def shown(self, name):
        """The machine as every face shows it; None while it is not protected."""
        self.hear()
        with self.store.reading() as tx:
            machine = tx.machines.find(name)
            if machine is None:
                return None
            situation = Situation(
                machine,
                self.facts.latest(tx, machine.id),
                tx.policies.find(machine.policy),
                tx.appliances.find(machine.source_appliance_id),
                tx.appliances.find(machine.target_appliance_id),
                drill_counts=timedelta(days=90),
                seen_generation=tx.statuses.generation(machine.id),
                missed_since=self.facts.missed_since(machine.id),
            )
        return machine_shapes.protected(situation, (), self.clock.now())

    def copies(self, name, only_running=True):
        """(site's letter, fabric id) of each copy, as the fabrics say."""
        found = []
        for site in self.appliances.sites.values():
            if site.folder.exists():
                there = site.fabric.inventory.list()
                found += [
                    (site.config.site, m.fabric_id)
                    for m in there
                    if m.name == name and self._is(m, only_running)
                ]
        return found

    @staticmethod
    def _is(machine, only_running):
        return not only_running or machine.power is PowerState.RUNNING

    def site(self, letter):
        return self.appliances.sites[{"a": A, "b": B}[letter]]

    def write(self, name, block):
        """As the guest of the one copy that runs: the block is full of its own number (from 1), and
        durable."""
        ((letter, fabric_id),) = self.copies(name)
        guest_disk.write(self.site(letter).root, fabric_id, block * BLOCK, bytes([block]) * BLOCK)

    def written(self, name):
        """The blocks that the one copy that runs holds."""
        ((letter, fabric_id),) = self.copies(name)
        content = guest_disk.read(self.site(letter).root, fabric_id)
        return [n for n in range(1, 16) if content[n * BLOCK : (n + 1) * BLOCK] == bytes([n]) * BLOCK]

    # ---- what befalls sites
    # ----------------------------------------------------------------------------------------

    def lose_site(self, letter):
        """It burns down, with all its files."""
        appliance_id, site = {"a": A, "b": B}[letter], self.site(letter)
        self._is_away(appliance_id)
        site.end()
        shutil.rmtree(site.folder)

    def replace_hardware(self, letter):
        """It burns down, and there is new hardware, with an appliance of another id."""
        self.lose_site(letter)
        self.appliances.add(NEW, letter)
        now = self.clock.now()
        with self.store.transaction() as tx:
            lives = now + timedelta(days=90)
            tx.appliances.put(ApplianceRecord(NEW, NEW, letter, now, lives, connected=True))
        self.facts.connected(self.hello(letter, NEW))

    def lose_database(self, letter):
        """Of its appliance, which starts again without."""
        appliance_id, site = {"a": A, "b": B}[letter], self.site(letter)
        self._is_away(appliance_id)
        site.stop()
        for path in site.config.home.glob("appliance.db*"):
            path.unlink()
        site.start()
        self.appliances.away.discard(appliance_id)
        self.facts.connected(self.hello(letter, appliance_id))

    def back_up(self):
        """Of the vault's database, while it is in use."""
        now, copy = sqlite3.connect(f"{self.folder}/vault.db"), sqlite3.connect(f"{self.folder}/backup")
        with contextlib.closing(now), contextlib.closing(copy):
            now.backup(copy)

    def lose_vault(self):
        """With its database; the backup takes its place."""
        self.close()
        for path in Path(self.folder).glob("vault.db*"):
            path.unlink()
        shutil.copy(f"{self.folder}/backup", f"{self.folder}/vault.db")
        self.open()
        self.engine.run_until_idle(BUSY_SECONDS)  # it notices
        self._tell_hellos()

    # ---- the same again
    # ---------------------------------------------------------------------------------------------

    def keep(self):
        """As it stands now, for `go_back`. Machines are switched off for it, whose appliances are away:
        bitmaps are in their files then."""
        self.close()
        self._ran = {each: self._switched_off(site) for each, site in self.appliances.sites.items()}
        self._kept_at = self.clock.at, time.monotonic()
        copied(self._folder, self._kept)

    def go_back(self):
        """To what was kept, at the same paths; what ran then runs."""
        self.close()
        self.appliances.end()
        shutil.rmtree(self._folder)
        copied(self._kept, self._folder)
        self._is_not_restored()
        for site in self.appliances.sites.values():
            with_the_same_bases(site)
        at, since = self._kept_at
        self.clock.at = at + timedelta(seconds=time.monotonic() - since)
        self.appliances.away.clear()
        self.appliances.sites.pop(NEW, None)
        for each, site in self.appliances.sites.items():
            for fabric_id in self._ran[each]:
                site.fabric.power.start(fabric_id)
            site.start()
        self.open()
        self._tell_hellos()

    @property
    def _kept(self):
        return self._folder.with_name("kept")

    @staticmethod
    def _switched_off(site):
        site.stop()
        ran = [each.fabric_id for each in site.fabric.inventory.list() if each.power is PowerState.RUNNING]
        for fabric_id in ran:
            site.fabric.power.stop(fabric_id)
        simulated.demolish(site.root)
        return ran

    def _is_not_restored(self):
        """Its database lies in another file, and is the same."""
        beside = self._folder / restored_vault.FILE
        said = json.loads(beside.read_text())
        number = real_files.file_number(self._folder / "vault.db")
        assert number is not None
        beside.write_text(json.dumps({**said, "file": number.inode, "generation": number.generation}))

    def _is_away(self, appliance_id):
        self.appliances.away.add(appliance_id)
        self.facts.disconnected(appliance_id)


def with_the_same_bases(site):
    """The old disks that its replicas stand on are other files now, with the same content."""
    for path in site.folder.rglob("replicas/*/replica.json"):
        state = record.load(path)
        record.save(replace(state, disks=tuple(map(base_files.seen_again, state.disks))), path)


def copied(source, target):
    """With sparse files and links as they are."""
    subprocess.run(["cp", "-a", "--sparse=always", str(source), str(target)], check=True)


@contextlib.contextmanager
def opened(folder, names):
    sites = RealSites(folder, names)
    try:
        yield sites
    finally:
        sites.end()
