"""The rig: vault, two sites, their appliances, the bridges, and a client."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import guestkit
from rig import bridges, capabilities, forking, loop_devices, processes, vetoes
from rig.hands import Hands
from rig.machines import GuestMachine, SimulatedMachine
from rig.processes import Process
from secondsite.client import Vault
from secondsite.fabrics import simulated
from secondsite.ground import seams
from secondsite.ground.units import MiB
from secondsite.wire import rest

SiteName = Literal["a", "b"]
SITES: tuple[SiteName, SiteName] = ("a", "b")


class Rig(Hands):
    """Two sites in `folder` (a new one by default). `fabric` is 'libvirt' (real guests) or 'simulated'."""

    def __init__(
        self,
        fabric: Literal["libvirt", "simulated"] = "libvirt",
        folder: Path | None = None,
        database_url: str | None = None,
        appliance_options: dict[str, list[str]] | None = None,
        forked: bool = False,
        uri: str | None = None,
    ) -> None:
        """`appliance_options`: words of `appliance enroll`, by site. `forked`: the vault, commands and the
        appliances of simulated sites are forked instead of started, which costs a tenth. `uri`: a libvirt
        of the host's own, instead of an embedded root for each site."""
        self.fabric = fabric
        self.about = (
            "on the rig of processes: real guests under a libvirt of each appliance's own, all on this "
            "machine"
        )
        """In words, for whoever reads what was shown on it."""
        self.folder = folder or Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        self.tag = uuid.uuid4().hex[:6]
        self._database_url = database_url
        self._uri = uri
        self._options = appliance_options or {}
        self._rest_port = processes.free_port()
        self.url = f"https://127.0.0.1:{self._rest_port}"
        self._forks = forking.shared() if forked else None
        self.vault = self._vault_process()
        self.appliances: dict[str, Process] = {site: self._appliance_process(site) for site in SITES}
        self.guests: dict[str, GuestMachine] = {}
        """The real guests that were made, by name."""
        self.simulated: dict[str, SimulatedMachine] = {}
        """The simulated machines that were made, by name."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- setting up
    # ------------------------------------------------------------------------------------------------

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
        with self.client() as vault:
            for site in SITES:
                vault.sites.create(site)
                self._enroll(vault, site, site)
                self._make_bridge(site)
                furnish(site)
                self.appliances[site].start()
                say(f"site {site}: appliance {self.appliances[site].pid}, fabric {self.fabric}")
            self.wait_connected()
            vault.mappings.create("a", self.bridge("a"), "b", self.bridge("b"))
            # stories say each step; who tells of the one that follows by itself turns it on
            vault.pairs.set("a", "b", reverse_after_commit=False)
        return self

    def add_host(
        self,
        site: SiteName,
        furnish: Callable[[str], None] = lambda _: None,
        *,
        network: str | None = None,
        while_away: bool = False,
    ) -> str:
        """One more host at a site, with an appliance of its own and a network of the same name (a real
        guest's is the same bridge), or with one of another name. What is given stands for the site
        wherever a host is meant; `furnish` may make its machines before the appliance starts.
        `while_away`: other appliances may be away."""
        host = f"{site}{1 + sum(each.rstrip('0123456789') == site for each in self.appliances)}"
        self.appliances[host] = self._appliance_process(host)
        with self.client() as vault:
            self._enroll(vault, site, host)
        if self.fabric == "simulated" or network is not None:
            self._make_bridge(host, network)
        furnish(host)
        self.appliances[host].start()
        self.wait_connected(only=f"appliance-{host}" if while_away else None)
        return host

    def add_site(self, site: str) -> None:
        """One more site, with an appliance and a bridge; no network is mapped to it yet."""
        self.appliances[site] = self._appliance_process(site)
        with self.client() as vault:
            vault.sites.create(site)
            self._enroll(vault, site, site)
            for other in SITES:
                vault.pairs.set(other, site, reverse_after_commit=False)
        self._make_bridge(site)
        self.appliances[site].start()
        self.wait_connected()

    def wait_connected(self, within_seconds: float = 30, only: str | None = None) -> None:
        """All appliances, or only that one, have said hello to the vault that runs now."""
        deadline = time.monotonic() + within_seconds
        while True:
            with self.client() as vault:
                wanted = [each for each in vault.appliances if only in (None, each.name)]
            away = [each.name for each in wanted if not each.connected]
            if not away:
                return
            if time.monotonic() > deadline:
                raise processes.DidNotStart(
                    f"appliances not connected after {within_seconds} s: {', '.join(away)}"
                )
            time.sleep(0.1)

    def make_guest(
        self, name: str, site: str = "a", *, bridge: str | None = None, **traits: Any
    ) -> GuestMachine:
        """A real guest at a site whose appliance does not run yet; `traits` as of GuestMachine.make.
        `bridge`: another one of the rig than the site's."""
        home = self.home(f"appliance-{site}")
        traits["inside"] = self.appliances[site].inside
        self.guests[name] = GuestMachine.make(name, home, bridge or self.bridge(site), **traits)
        return self.guests[name]

    def make_simulated(
        self, name: str, site: str = "a", disk_bytes: Sequence[int] = (64 * MiB,)
    ) -> SimulatedMachine:
        """A simulated machine that runs at a site, on the site's network."""
        home, network = self.home(f"appliance-{site}"), self.bridge(site)
        self.simulated[name] = SimulatedMachine.make(name, home, disk_bytes=disk_bytes, network=network)
        return self.simulated[name]

    def bridge(self, site: str) -> str:
        return f"ss{site[0]}-{self.tag}"

    def _secondsite(self, *arguments: str) -> None:
        done = self.cli(*arguments)
        if done.returncode != 0:
            raise processes.DidNotStart(
                f"secondsite {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}"
            )

    def _vault_process(self) -> Process:
        arguments = ["vault", "run", "--home", str(self.folder / "vault")]
        return self._process("vault", arguments, "vault ready", self._forks)

    def _appliance_process(self, site: str) -> Process:
        arguments = ["appliance", "run", "--home", str(self.folder / f"appliance-{site}")]
        # the threads of libvirt's library do not survive a fork
        forks = self._forks if self.fabric == "simulated" else None
        return self._process(f"appliance-{site}", arguments, "appliance ready", forks)

    def _process(
        self, name: str, arguments: list[str], ready_line: str, forks: forking.ForkServer | None
    ) -> Process:
        environment = {seams.ENVIRONMENT: str(self.seam_file(name))}
        log = self.folder / f"{name}.log"
        return Process(name, arguments, log, ready_line, environment, forks=forks)

    def seam_file(self, process: str) -> Path:
        """Where the process 'vault', 'appliance-a' or 'appliance-b' looks for the seam at which it is to
        die."""
        return self.folder / f"{process}.seam"

    def _init_vault(self) -> None:
        arguments = ["--home", str(self.home("vault")), "--rest-port", str(self._rest_port)]
        arguments += ["--control-port", str(processes.free_port())]
        if self._database_url:
            arguments += ["--database-url", self._database_url]
        self._secondsite("vault", "init", *arguments)

    def _enroll(self, vault: Vault, site: str, host: str) -> None:
        self._enroll_with(vault.sites[site].create_registration_key(), host)

    def _enroll_with(self, key: rest.RegistrationKey, host: str) -> None:
        home = self.home(f"appliance-{host}")
        key_file = self.folder / f"registration-key-{host}"
        key_file.write_text(f"{key.key}\n")
        arguments = [
            "--vault",
            self.url,
            "--key-file",
            str(key_file),
            "--fingerprint",
            key.ca_fingerprint,
            "--home",
            str(home),
        ]
        arguments += ["--name", f"appliance-{host}", "--fabric", self.fabric, "--uri", self._host(host)]
        arguments += ["--listen", f"127.0.0.1:{processes.free_port()}"]
        if self.fabric == "libvirt":
            for folder in (guestkit.DEFAULT_CACHE, self.folder / "images"):
                arguments += ["--boot-folder", str(folder)]
        self._secondsite("appliance", "enroll", *arguments, *self._options.get(host, []))

    def _host(self, site: str) -> str:
        if self._uri is not None:
            return self._uri
        root = self.home(f"appliance-{site}") / "fabric"
        if self.fabric == "simulated":
            return str(root)
        capabilities.lend(root)
        return f"qemu:///embed?root={root}"

    def _make_bridge(self, site: str, name: str | None = None) -> None:
        name = name or self.bridge(site)
        if self.fabric == "simulated":
            simulated.add_network(self.home(f"appliance-{site}") / "fabric", name)
        else:
            bridges.make(self.folder, name)

    # ---- the worst day
    # -----------------------------------------------------------------------------------------------

    def destroy_vault(self) -> None:
        """It is killed, and all that it had is gone."""
        self.vault.kill()
        shutil.rmtree(self.home("vault"))

    def new_vault(self) -> None:
        """One with a CA of its own serves at the same address, and knows nothing."""
        self._init_vault()
        self.vault.start()

    def destroy_site(self, site: SiteName) -> None:
        """Its processes are killed, and all that it had is gone."""
        self.lose(site)
        shutil.rmtree(self.home(f"appliance-{site}"))

    def replace_site(self, site: SiteName) -> None:
        """New hardware: an appliance in the place of the destroyed one, which the vault of now knows by
        name only."""
        with self.client() as vault:
            (lost,) = [each for each in vault.appliances.list(site) if not each.connected]
            self._enroll_with(vault.appliances[lost.id].create_registration_key(), site)
        self.appliances[site].start()
        self.wait_connected()

    def enroll_again(self, site: SiteName) -> None:
        """The appliance of a site, whose home is still there, at the vault of now."""
        with self.client() as vault:
            if site not in [each.name for each in vault.sites.list()]:
                vault.sites.create(site)
            key = vault.sites[site].create_registration_key()
        file = self.folder / f"registration-key-{site}"
        file.write_text(f"{key.key}\n")
        home, fingerprint = str(self.home(f"appliance-{site}")), key.ca_fingerprint
        words = ["--vault", self.url, "--key-file", str(file), "--fingerprint", fingerprint, "--home", home]
        self._secondsite("appliance", "enroll-again", *words)
        self.appliances[site].start()

    # ---- who looks on
    # ------------------------------------------------------------------------------------------------

    @property
    def before_commands(self) -> Sequence[str]:
        """What a person types once, before commands such as `secondsite`."""
        return [f"export SECONDSITE_CLIENT={self.home('vault') / 'client.json'}"]

    secondsite = "./dev shell secondsite"

    def logs(self) -> dict[str, str]:
        """Of its processes, by name."""
        return {log.name: log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log"))}

    # ---- the end
    # ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leaves nothing behind."""
        for process in (self.vault, *self.appliances.values()):
            process.stop()
        processes.kill_folder(self.folder)
        bridges.remove(self.folder)
        loop_devices.remove(self.folder)
        capabilities.keep(self.home("appliance-a") / "fabric")
        shutil.rmtree(self.folder, ignore_errors=True)
        vetoes.remove(self.folder)

    @staticmethod
    def remove(folder: Path) -> None:
        """Takes away what a kept rig left running: its processes, bridges and files."""
        processes.kill_folder(folder)
        bridges.remove(folder)
        loop_devices.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)
        vetoes.remove(folder)

    def summary(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "url": self.url,
            "client": str(self.home("vault") / "client.json"),
        }
