"""Two vault processes on one PostgreSQL, each over a line of its own that can be cut, and two simulated
sites."""

import contextlib
import json
import os
import signal
import sqlite3
import ssl
import time
import urllib.error
import urllib.request
from collections import Counter

from sqlalchemy import make_url

from rig import Rig, processes
from rig.eventually import eventually
from rig.processes import Process
from rig.relay import Relay
from secondsite.client import connect
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated import open_fabric
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.support import policies

NAMES = ("first", "second")
PROTECTED_SECONDS = 90


class SeveralVaults:
    """`rig` has the first process; `vaults` are both by name, `lines` are theirs to PostgreSQL."""

    def __init__(self, postgres, database_url):
        self.postgres = postgres
        socket = next(iter(postgres.directory.glob(".s.PGSQL.*[0-9]")))
        self.lines = {name: Relay(socket) for name in NAMES}
        self._database = make_url(database_url).database
        self.rig = Rig("simulated", database_url=self.database_url("first"), forked=True)
        self.vaults = {"first": self.rig.vault}
        self.urls = {"first": self.rig.url}

    def database_url(self, name):
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.lines[name].port}/{self._database}"

    def open(self, machines=()):
        def furnish(site):
            for name in machines if site == "a" else ():
                self.rig.make_simulated(name, disk_bytes=(4 * MiB,))

        self.rig.open(furnish=furnish)
        self.join()
        self.vaults["second"].start()
        with self.client("second") as vault:
            vault.policies.create(**policies.quick().model_dump())
        if machines:
            self.protect(machines)
        eventually(lambda: all(len(self.known_vaults(site)) == 2 for site in ("a", "b")), 30)

    def join(self):
        port = processes.free_port()
        self.urls["second"] = f"https://127.0.0.1:{port}"
        home = self.rig.home("second")
        words = [
            "vault",
            "join",
            "--home",
            home,
            "--database-url",
            self.database_url("second"),
            "--host",
            "127.0.0.1",
        ]
        words += ["--pki", self.rig.home("vault") / "pki", "--rest-port", port]
        words += ["--control-port", processes.free_port()]
        done = self.rig.cli(*map(str, words))
        assert done.returncode == 0, done.stderr
        log = self.rig.folder / "second.log"
        run = ["vault", "run", "--home", str(home)]
        self.vaults["second"] = Process("second", run, log, "vault ready", forks=self.rig._forks)  # noqa: SLF001

    def close(self):
        for name, vault in self.vaults.items():
            self.lines[name].moving.set()
            with contextlib.suppress(ProcessLookupError):
                os.kill(vault.pid, signal.SIGCONT)
        self.vaults["second"].stop()
        self.rig.close()
        for line in self.lines.values():
            line.close()

    def client(self, name):
        home = self.rig.home("vault")
        return connect(self.urls[name], (home / "token").read_text().strip(), home / "pki" / "ca.pem")

    def start(self, name, verb, request):
        with self.client(name) as vault:
            return vault.machines.start(verb, request)

    def protect(self, machines):
        request = rest.EnableProtection(machines=machines, source_site="a", target_site="b", policy="quick")
        self.ended("first", self.start("first", Verb.ENABLE_PROTECTION, request).id)
        for name in machines:
            self.rig.wait_for(name, lambda found: found.state == "protected", PROTECTED_SECONDS)

    def show(self, job_id):
        """The job, or its only child: that of the machine."""
        with self.client("first") as vault:
            job = vault.jobs[job_id].show()
            return vault.jobs[job.children[0]].show() if len(job.children) == 1 else job

    def ended(self, name, job_id, within_seconds=120):
        """The job as this process shows it, once it has ended; it must have succeeded."""

        def found():
            with (
                contextlib.suppress(errors.VaultUnreachable, errors.StoreUnavailable),
                self.client(name) as vault,
            ):
                job = vault.jobs[job_id].show()
                return job if job.ended_at else None

        job = eventually(found, within_seconds)
        assert job.state == "succeeded", self.rig.describe(job)
        return job

    def holder(self, site):
        """The process that the site's appliance dialled last, by its log."""
        dialled = [each["url"] for each in self.events(f"appliance-{site}", "vault.connected")]
        port = int(dialled[-1].rpartition(":")[2])
        return next(name for name in NAMES if self._control_port(name) == port)

    def part(self):
        """The two appliances come to be connected to different processes."""
        self.lead("a", self.other(self.holder("b")))

    def gather(self, name):
        """Both appliances come to be connected to this process."""
        for site in ("a", "b"):
            self.lead(site, name)

    def lead(self, site, name):
        """An appliance that starts dials any."""

        def is_led():
            if self.holder(site) == name:
                return True
            self.rig.appliances[site].kill()
            self.rig.appliances[site].start()
            self.rig.wait_connected(90)
            return False

        eventually(is_led, 180)

    def other(self, name):
        return next(each for each in NAMES if each != name)

    def known_vaults(self, site):
        """The addresses that the site's appliance has been told."""
        with contextlib.closing(sqlite3.connect(self.rig.home(f"appliance-{site}") / "appliance.db")) as db:
            found = db.execute("SELECT value FROM facts WHERE key = 'vaults'").fetchone()
        return json.loads(found[0]) if found else []

    def copies(self, name):
        """The sites at which it runs, as the fabrics say."""
        return [
            site
            for site in ("a", "b")
            for each in open_fabric(self.rig.home(f"appliance-{site}") / "fabric").inventory.list()
            if each.name == name and each.power is PowerState.RUNNING
        ]

    def carried_out(self, site):
        """How often each order was carried out there."""
        return Counter(each["order"] for each in self.events(f"appliance-{site}", "order.ended"))

    def events(self, process, name):
        for line in (self.rig.folder / f"{process}.log").read_text().splitlines():
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if found.get("event") == name:
                    yield found

    def ready(self, name):
        """What a load balancer sees: the HTTP status."""
        context = ssl.create_default_context(cafile=str(self.rig.home("vault") / "pki" / "ca.pem"))
        try:
            with urllib.request.urlopen(
                f"{self.urls[name]}/api/ready", context=context, timeout=10
            ) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def _control_port(self, name):
        home = self.rig.home("vault" if name == "first" else name)
        return json.loads((home / "vault.json").read_text())["control_port"]


def seconds_until(fact, within_seconds=60):
    began = time.monotonic()
    eventually(fact, within_seconds)
    return time.monotonic() - began
