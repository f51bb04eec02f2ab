"""The rig: vault, two sites, their appliances, the bridges, and a client."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

from secondsite.client import VaultClient
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.jobs import seams
from secondsite.wire import places, rest
from secondsite.wire.base import Shape

from . import capabilities, processes
from .forking import ForkServer
from .machines import GuestMachine, SimulatedMachine
from .processes import Process

SiteName = Literal["a", "b"]
SITES: tuple[SiteName, SiteName] = ("a", "b")


class Rig:
    """Two sites in `folder` (a new one by default). `fabric` is 'libvirt' (real guests) or 'simulated'."""

    def __init__(
        self,
        fabric: Literal["libvirt", "simulated"] = "libvirt",
        folder: Path | None = None,
        database_url: str | None = None,
        appliance_options: dict[str, list[str]] | None = None,
        forked: bool = False,
    ) -> None:
        self.fabric = fabric
        self.folder = folder or Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        self.tag = uuid.uuid4().hex[:6]
        self._database_url = database_url
        self._options = appliance_options or {}
        self._rest_port = processes.free_port()
        self._forks = ForkServer(processes.environment()) if forked else None
        self.vault = self._vault_process()
        self.appliances = {site: self._appliance_process(site) for site in SITES}
        self.machines: dict[str, GuestMachine | SimulatedMachine] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- setting up ------------------------------------------------------------------------------------------------

    def open(
        self,
        say: Callable[[str], None] = lambda _: None,
        furnish: Callable[[SiteName], None] = lambda _: None,
    ) -> Self:
        """Vault, two sites with an appliance each, and a bridge each with a mapping between them.

        `furnish` may make a site's machines before its appliance starts.
        """
        self._init_vault()
        self.vault.start()
        say(f"vault at {self.url}")
        with self.client() as client:
            for site in SITES:
                client.add_site(site)
                self._enroll(client, site)
                self._make_bridge(site)
                furnish(site)
                self.appliances[site].start()
                say(f"site {site}: appliance {self.appliances[site].pid}, fabric {self.fabric}")
            self.wait_connected()
            mapping = places.NetworkMapping(
                source_site="a",
                source_network=self.bridge("a"),
                target_site="b",
                target_network=self.bridge("b"),
            )
            client.map_network(mapping)
        return self

    def wait_connected(self, within_seconds: float = 30) -> None:
        """Both appliances have said hello to the vault that runs now."""
        deadline = time.monotonic() + within_seconds
        while True:
            with self.client() as client:
                away = [each.name for each in client.appliances() if not each.connected]
            if not away:
                return
            if time.monotonic() > deadline:
                raise processes.DidNotStart(
                    f"appliances not connected after {within_seconds} s: {', '.join(away)}"
                )
            time.sleep(0.1)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._rest_port}"

    def home(self, name: str) -> Path:
        return self.folder / name

    def bridge(self, site: str) -> str:
        return f"ss{site}-{self.tag}"

    def client(self) -> VaultClient:
        home = self.home("vault")
        return VaultClient(self.url, (home / "token").read_text().strip(), home / "pki" / "ca.pem")

    def cli(self, *arguments: str, timeout_seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """One `secondsite` command against this rig's vault."""
        return subprocess.run(
            [sys.executable, "-m", "secondsite.entry.main", *arguments],
            env=processes.environment() | {"SECONDSITE_CLIENT": str(self.home("vault") / "client.json")},
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def _secondsite(self, *arguments: str) -> None:
        done = self.cli(*arguments)
        if done.returncode != 0:
            raise processes.DidNotStart(
                f"secondsite {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"
            )

    def _vault_process(self) -> Process:
        arguments = ["vault", "run", "--home", str(self.folder / "vault")]
        return self._process("vault", arguments, "vault ready")

    def _appliance_process(self, site: str) -> Process:
        arguments = ["appliance", "run", "--home", str(self.folder / f"appliance-{site}")]
        return self._process(f"appliance-{site}", arguments, "appliance ready")

    def _process(self, name: str, arguments: list[str], ready_line: str) -> Process:
        environment = {seams.ENVIRONMENT: str(self.seam_file(name))}
        log = self.folder / f"{name}.log"
        return Process(name, arguments, log, ready_line, environment, forks=self._forks)

    def seam_file(self, process: str) -> Path:
        """Where the process 'vault', 'appliance-a' or 'appliance-b' looks for the seam at which it is to die."""
        return self.folder / f"{process}.seam"

    def _init_vault(self) -> None:
        arguments = ["--home", str(self.home("vault")), "--rest-port", str(self._rest_port)]
        arguments += ["--control-port", str(processes.free_port())]
        if self._database_url:
            arguments += ["--database-url", self._database_url]
        self._secondsite("vault", "init", *arguments)

    def _enroll(self, client: VaultClient, site: str) -> None:
        key = client.registration_key(site)
        home = self.home(f"appliance-{site}")
        arguments = [
            "--vault",
            self.url,
            "--key",
            key.key,
            "--fingerprint",
            key.ca_fingerprint,
            "--home",
            str(home),
        ]
        arguments += ["--name", f"appliance-{site}", "--fabric", self.fabric, "--uri", self._uri(site)]
        arguments += ["--listen", f"127.0.0.1:{processes.free_port()}"]
        self._secondsite("appliance", "enroll", *arguments, *self._options.get(site, []))

    def _uri(self, site: str) -> str:
        root = self.home(f"appliance-{site}") / "fabric"
        if self.fabric == "simulated":
            return str(root)
        capabilities.lend(root)
        return f"qemu:///embed?root={root}"

    def _make_bridge(self, site: str) -> None:
        name = self.bridge(site)
        if self.fabric == "simulated":
            simulated.add_network(self.home(f"appliance-{site}") / "fabric", name)
        else:
            ip("link", "add", name, "type", "bridge")
            ip("link", "set", name, "alias", f"secondsite-rig:{self.folder}")
            ip("link", "set", name, "up")

    # ---- work ------------------------------------------------------------------------------------------------------

    def run(self, verb: Verb, request: Shape, within_seconds: float = 300) -> rest.JobShape:
        """Starts a verb and waits for its end; the job may have failed. Restarts of the vault are waited for."""
        with self.client() as client:
            accepted = client.start(verb, request)
        return self.wait_for_job(accepted.job_id, within_seconds)

    def must(self, verb: Verb, request: Shape, within_seconds: float = 300) -> rest.JobShape:
        """As `run`, but a job that did not succeed is an error that shows its tasks."""
        job = self.run(verb, request, within_seconds)
        if job.state != "succeeded":
            raise AssertionError(f"{verb} ended {job.state}:\n{self.describe(job)}")
        return job

    def wait_for_job(self, job_id: str, within_seconds: float = 300) -> rest.JobShape:
        from secondsite.domain import errors

        deadline = time.monotonic() + within_seconds
        job = None
        while time.monotonic() < deadline:
            try:
                with self.client() as client:
                    job = client.job(job_id)
                if job.ended_at is not None:
                    return job
            except errors.VaultUnreachable:
                pass
            time.sleep(0.1)
        raise AssertionError(
            f"job {job_id} did not end in {within_seconds} s:\n{self.describe(job) if job else ''}"
        )

    def describe(self, job: rest.JobShape) -> str:
        """A job's tasks, and its children's, as text."""
        lines = [f"{job.verb} {job.subject_name}: {job.state} {job.problem or ''}"]
        lines += [f"  {t.state:10} {t.name}: {t.sentence} {t.problem or ''}" for t in job.tasks]
        with self.client() as client:
            lines += [self.describe(client.job(child)) for child in job.children]
        return "\n".join(lines)

    def wait_for(
        self, machine: str, wanted: Callable[[rest.MachineShape], object], within_seconds: float = 60
    ) -> rest.MachineShape:
        """The machine once `wanted` is true of it."""
        deadline = time.monotonic() + within_seconds
        while True:
            with self.client() as client:
                found = client.machine(machine)
            if wanted(found):
                return found
            if time.monotonic() > deadline:
                shown = json.dumps(found.model_dump(mode="json"), indent=1)
                raise AssertionError(
                    f"{machine} did not come to be as wanted in {within_seconds} s:\n{shown}"
                )
            time.sleep(0.1)

    # ---- the end ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leaves nothing behind."""
        for process in (self.vault, *self.appliances.values()):
            process.stop()
        if self._forks is not None:
            self._forks.close()
        processes.kill_all(processes.of_folder(self.folder))
        remove_bridges(self.folder)
        capabilities.keep(self.home("appliance-a") / "fabric")
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def remove(folder: Path) -> None:
        """Takes away what a kept rig left running: its processes, bridges and files."""
        processes.kill_all(processes.of_folder(folder))
        remove_bridges(folder)
        shutil.rmtree(folder, ignore_errors=True)

    def summary(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "url": self.url,
            "client": str(self.home("vault") / "client.json"),
        }


def ip(*arguments: str, check: bool = True) -> str:
    """One iproute2 command."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=10, check=False)
    if check and done.returncode != 0:
        raise processes.DidNotStart(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def remove_bridges(folder: Path) -> None:
    """The sites' bridges, and those of drills that were left open: they carry the id of a machine of this rig."""
    machines = {path.name for path in folder.glob("appliance-*/store/replicas/*")}
    for line in ip("-o", "link", "show", "type", "bridge").splitlines():
        name = line.split(":")[1].strip().partition("@")[0]
        if f"secondsite-rig:{folder}" in line or any(f"secondsite:{machine}" in line for machine in machines):
            ip("link", "del", name, check=False)
