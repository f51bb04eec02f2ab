"""What a rig's operator does: looks and verbs through the vault, and a look at what lies and runs at its
sites."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import guestkit
from rig import processes
from rig.eventually import eventually
from rig.forking import ForkServer
from rig.machines import GuestMachine
from rig.processes import Process
from secondsite.client import Vault, connect
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics.libvirt import reaching
from secondsite.fabrics.reaching import Knock, KnockResult
from secondsite.rescue import NAME
from secondsite.wire import rest
from secondsite.wire.common.points import PointShape

BARE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
"""No environment of ours."""


class Hands:
    """Of a vault and two sites below `folder`: homes 'vault', 'appliance-a' and 'appliance-b'."""

    folder: Path
    url: str
    """Where the vault serves."""
    names_at: str = "127.0.0.1"
    """Where the sites reach a name server of this machine."""
    appliances: Mapping[str, Process]
    """By site."""
    lost_by: str = "kill -9 of"
    """How `lose` ends a site's processes."""
    guests: dict[str, GuestMachine]
    """The real guests that were made, by name."""
    _forks: ForkServer | None

    def home(self, name: str) -> Path:
        return self.folder / name

    def client(self) -> Vault:
        home = self.home("vault")
        return connect(self.url, (home / "token").read_text().strip(), home / "pki" / "ca.pem")

    def cli(self, *arguments: str, timeout_seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """One `secondsite` command against this rig's vault."""
        environment = processes.environment() | {"SECONDSITE_CLIENT": str(self.home("vault") / "client.json")}
        if self._forks is not None:
            return self._forks.run(arguments, environment, timeout_seconds)
        return subprocess.run(
            [sys.executable, "-m", "secondsite.entry.main", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    # ---- verbs
    # -----------------------------------------------------------------------------------------------------

    def run(self, verb: Verb, request: rest.MachinesRequest, within_seconds: float = 300) -> rest.Job:
        """Starts a verb and waits for its end; the job may have failed. Restarts of the vault are waited
        for."""
        with self.client() as vault:
            job = vault.machines.start(verb, request)
        return self.wait_for_job(job.id, within_seconds)

    def must(self, verb: Verb, request: rest.MachinesRequest, within_seconds: float = 300) -> rest.Job:
        """As `run`, but a job that did not succeed is an error that shows its tasks."""
        job = self.run(verb, request, within_seconds)
        if job.state != "succeeded":
            raise AssertionError(f"{verb} ended {job.state}:\n{self.describe(job)}")
        return job

    def wait_for_job(self, job_id: str, within_seconds: float = 300) -> rest.Job:
        deadline = time.monotonic() + within_seconds
        job = None
        while time.monotonic() < deadline:
            try:
                with self.client() as vault:
                    job = vault.jobs[job_id].show()
                if job.ended_at is not None:
                    return job
            except (errors.VaultUnreachable, errors.VaultSlow):
                pass
            time.sleep(0.1)
        raise AssertionError(
            f"job {job_id} did not end in {within_seconds} s:\n{self.describe(job) if job else ''}"
        )

    def describe(self, job: rest.Job) -> str:
        """A job's tasks, and its children's, as text."""
        lines = [f"{job.verb} {job.subject_name}: {job.state} {job.problem or ''}"]
        for t in job.tasks:
            lines.append(f"  {t.state:10} {t.name}: {t.sentence} {t.problem or ''}")
            checks = t.facts.evidence.checks if t.facts and t.facts.evidence else ()
            lines += [f"{'':12} check {each.name}: {each.said}" for each in checks if not each.passed]
        with self.client() as vault:
            lines += [self.describe(vault.jobs[child].show()) for child in job.children]
        return "\n".join(lines)

    def wait_for(
        self, machine: str, wanted: Callable[[rest.Machine], object], within_seconds: float = 60
    ) -> rest.Machine:
        """The machine once `wanted` is true of it."""
        deadline = time.monotonic() + within_seconds
        while True:
            with self.client() as vault:
                found = vault.machines[machine].show()
            if wanted(found):
                return found
            if time.monotonic() > deadline:
                shown = json.dumps(found.model_dump(mode="json"), indent=1)
                raise AssertionError(
                    f"{machine} did not come to be as wanted in {within_seconds} s:\n{shown}"
                )
            time.sleep(0.1)

    # ---- machines
    # --------------------------------------------------------------------------------------------------

    def machine(self, name: str) -> rest.Machine:
        with self.client() as vault:
            return vault.machines[name].show()

    def codes(self, name: str) -> dict[str, str]:
        """The findings of a machine that hold now: what each says, by its code."""
        return {finding.code: finding.what for finding in self.machine(name).findings}

    def points(self, name: str) -> list[PointShape]:
        """Oldest first."""
        with self.client() as vault:
            return sorted(vault.machines[name].points, key=lambda point: (point.epoch, point.seq))

    def new_points(self, name: str, count: int = 1, within_seconds: float = 60) -> list[PointShape]:
        """Waits until this many points came after those that are there now."""
        before = {point.id for point in self.points(name)}

        def come() -> list[PointShape] | None:
            new = [point for point in self.points(name) if point.id not in before]
            return new if len(new) >= count else None

        return eventually(come, within_seconds)

    # ---- what lies and runs at the sites
    # -----------------------------------------------------------------------------

    def console(self, site: str, name: str) -> guestkit.Console:
        """What a machine says at a site: at its home where its owner reads it, else where the appliance
        put it."""
        own = self.home(f"appliance-{site}") / "machines" / name / "console.log"
        if own.exists():
            return guestkit.Console(own)
        return guestkit.Console(self.home(f"appliance-{site}") / "fabric-work" / "console" / f"{name}.log")

    def replica_folder(self, site: str, machine_id: str) -> Path:
        return self.home(f"appliance-{site}") / "store" / "replicas" / machine_id

    def lose(self, site: str) -> int:
        """kill -9 to everything of the site, as a power cut; how many processes that were."""
        home = self.home(f"appliance-{site}")
        ran = self.appliances[site].is_alive
        self.appliances[site].kill()
        return ran + processes.kill_folder(home)

    def qemus(self, name: str) -> list[int]:
        """Pids of QEMU processes that run a machine of this name, at any site."""
        found = []
        for pid in processes.of_folder(self.folder):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(word.startswith(b"guest=" + name.encode() + b",") for word in words):
                    found.append(pid)
        return found

    # ---- what is typed on a site's host
    # ------------------------------------------------------------------------------

    def by_hand(
        self, site: str, *words: str, within_seconds: float = 180
    ) -> subprocess.CompletedProcess[str]:
        """The file of a site's store that starts machines without vault and appliance, with the system's
        Python, which has no package of ours."""
        return subprocess.run(
            [*self._by_hand(self.home(f"appliance-{site}") / "store"), *words],
            capture_output=True, text=True, timeout=within_seconds, env=BARE, cwd="/", check=False,
        )  # fmt: skip

    @staticmethod
    def _by_hand(store: Path) -> list[str]:
        return ["/usr/bin/python3", "-I", "-S", str(store / NAME)]

    def visit(self, site: str, knocks: Sequence[Knock], source: str) -> Mapping[int, KnockResult]:
        """What came of all of them, asked as a client of the machines' network at that site, from this
        address of it."""
        with reaching.visit(knocks, self.bridge(site), source) as answers:
            return eventually(lambda: found if len(found := answers()) == len(knocks) else None, 120)

    def bridge(self, site: str) -> str:
        """Of a site's machines."""
        raise NotImplementedError

    def let_check(self, site: str) -> None:
        """The appliance of a site may look into its machines' networks."""

    def put(self, site: str, name: str, text: str, mode: int = 0o600) -> str:
        """A file in the home of a site's appliance; its path, as the appliance sees it."""
        path = self.home(f"appliance-{site}") / name
        write(path, text, mode)
        return str(path)


def write(path: Path, text: str, mode: int) -> None:
    """A file with these rights, in a folder that others may enter."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
