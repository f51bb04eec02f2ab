"""The rig as installed: a vault and two sites, each on a host of its own, put there by deploy/install and started by systemd."""

import contextlib
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import guestkit
from rig import bridges, processes
from rig.eventually import eventually
from rig.hands import Hands
from rig.installed import template
from rig.installed.host import Host
from rig.installed.network import GUESTS, Network
from rig.installed.service import Service
from rig.machines import GuestMachine
from secondsite.wire import rest

VAULT, SITES = "vault", ("a", "b")
NUMBERS = {VAULT: 10, "a": 11, "b": 12}
HOMES = {"vault": "/var/lib/secondsite/vault", "appliance": "/var/lib/secondsite/appliance"}
BOOT_FOLDER, MACHINES, CONSOLES = (
    "/var/lib/libvirt/boot",
    "/var/lib/libvirt/images",
    "/var/log/libvirt/guests",
)
REST_PORT, DATA_PORT = 8443, 9445
LOCALE = template.STRANGE[0]
ZONE = "Pacific/Chatham"
"""Three quarters of an hour off everybody else."""
PROXY = "http://192.0.2.1:3128"
"""An address that nobody has."""


class Installed(Hands):
    """Two sites and a vault in `folder` (a new one by default). Names of hosts are 'vault', 'a' and 'b'."""

    fabric = "libvirt"
    about = "on the rig as installed: three hosts with a systemd, libvirtd and network each, as deploy/install leaves them"

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ssi-", dir="/var/tmp"))
        self.tag = uuid.uuid4().hex[:6]
        made_from = template.installed()
        self._network = Network(self.folder, self.tag)
        self.hosts = {name: self._host(name, made_from) for name in NUMBERS}
        self.vault = Service(self.hosts[VAULT], "secondsite-vault")
        self.appliances: Mapping[str, Any] = {
            site: Service(self.hosts[site], "secondsite-appliance") for site in SITES
        }
        self.guests: dict[str, GuestMachine] = {}
        self.url = f"https://{self._network.address(NUMBERS[VAULT])}:{REST_PORT}"
        self._forks = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _host(self, name: str, made_from: Path) -> Host:
        number = NUMBERS[name]
        host = Host(name, self.folder / name, made_from, self._network.namespace(number))
        host.connect = lambda: self._network.connect(number)
        host.write("/etc/default/locale", f"LANG={LOCALE}\n")
        proxies = dict.fromkeys(
            ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), PROXY
        )
        host.write("/etc/environment", "".join(f"{name}={value}\n" for name, value in proxies.items()))
        words = " ".join(f"{name}={value}" for name, value in {"LANG": LOCALE, **proxies}.items())
        host.write("/etc/systemd/system.conf.d/rig.conf", f"[Manager]\nDefaultEnvironment={words}\n")
        host.write("/etc/timezone", f"{ZONE}\n")
        host.path("/etc/localtime").unlink(missing_ok=True)
        host.path("/etc/localtime").symlink_to(f"/usr/share/zoneinfo/{ZONE}")
        return host

    # ---- setting up ------------------------------------------------------------------------------------------------------

    def open(
        self, say: Callable[[str], None] = lambda _: None, furnish: Callable[[str], None] = lambda _: None
    ) -> Self:
        """As the guide of installation says it. `furnish` may make a site's machines before its appliance starts."""
        for host in self.hosts.values():
            host.begin()
        for host in self.hosts.values():
            host.wait()
        self._init_vault()
        self.vault.start()
        say(f"vault at {self.url}")
        with self.client() as vault:
            for site in SITES:
                vault.sites.create(site)
                self._enroll(vault.sites[site].create_registration_key(), site)
                furnish(site)
                self.appliances[site].start()
                say(f"site {site}: a host of its own, appliance {self.appliances[site].pid}")
            self.wait_connected()
            vault.mappings.create("a", GUESTS, "b", GUESTS)
            vault.pairs.set("a", "b", reverse_after_commit=False)
        return self

    def _init_vault(self) -> None:
        number = NUMBERS[VAULT]
        words = [
            "--host",
            self._network.address(number),
            "--host",
            self._network.address6(number),
            "--listen",
            "0.0.0.0",
        ]
        self.hosts[VAULT].must(
            "secondsite", "vault", "init", "--home", HOMES["vault"], "--name", "dr", *words
        )

    def _enroll(self, key: rest.RegistrationKey, site: str) -> None:
        """Site a is reached by IPv4, site b by IPv6."""
        address = (
            self._network.address(NUMBERS[site])
            if site == "a"
            else f"[{self._network.address6(NUMBERS[site])}]"
        )
        words = ["--vault", self.url, "--fingerprint", key.ca_fingerprint, "--home", HOMES["appliance"]]
        words += ["--name", f"appliance-{site}", "--uri", "qemu:///system", "--boot-folder", BOOT_FOLDER]
        words += [
            "--listen",
            f"{'0.0.0.0' if site == 'a' else '[::]'}:{DATA_PORT}",
            "--advertise",
            f"{address}:{DATA_PORT}",
        ]
        self.hosts[site].must("secondsite", "appliance", "enroll", *words, text=f"{key.key}\n")

    def wait_connected(self, within_seconds: float = 60, only: str | None = None) -> None:
        """All appliances, or only that one, have said hello to the vault that runs now."""

        def none_is_away() -> bool:
            with self.client() as vault:
                return all(each.connected for each in vault.appliances if only in (None, each.name))

        eventually(none_is_away, within_seconds)

    # ---- machines --------------------------------------------------------------------------------------------------------

    def bridge(self, site: str) -> str:
        """Of a site's host, for its machines."""
        return GUESTS

    def make_guest(
        self, name: str, site: str = "a", *, disk_bytes: tuple[int, ...] = (64 * guestkit.MiB,), filled_bytes: int = 0,
        workload: guestkit.Workload | None = None, kind: guestkit.Kind = guestkit.Kind.WRITER,
    ) -> GuestMachine:  # fmt: skip
        """A real guest that runs at a site, made by its owner with virsh."""
        host = self.hosts[site]
        guest = self._give_boot_files(kind)
        disks = [f"{MACHINES}/{name}-{number}.qcow2" for number in range(len(disk_bytes))]
        for path, size in zip(disks, disk_bytes, strict=True):
            guestkit.make_disk(host.path(path), size, filled_bytes=filled_bytes)
        fabric_id = str(uuid.uuid4())
        mac = "52:54:00:" + ":".join(f"{byte:02x}" for byte in uuid.UUID(fabric_id).bytes[:3])
        host.must("mkdir", "-p", CONSOLES)
        console = f"{CONSOLES}/{name}.log"
        xml = guestkit.domain_xml(
            name,
            fabric_id,
            guest,
            [Path(path) for path in disks],
            [guestkit.Nic(GUESTS, mac)],
            Path(console),
            workload=workload,
        )
        host.must("virsh", "define", "/dev/stdin", text=xml)
        host.must("virsh", "start", name)
        seen = tuple(host.upper / path.lstrip("/") for path in disks)
        made = GuestMachine(name, fabric_id, seen, guestkit.Console(host.upper / console.lstrip("/")), GUESTS)
        self.guests[name] = made
        return made

    def _give_boot_files(self, kind: guestkit.Kind) -> guestkit.Guest:
        """Kernel and initramfs, in the same place at both sites."""
        guest = guestkit.build(kind=kind)
        named = {
            part: Path(BOOT_FOLDER) / f"{kind.name.lower()}-{getattr(guest, part).name}"
            for part in ("kernel", "initrd")
        }
        for host in (self.hosts[site] for site in SITES):
            host.must("mkdir", "-p", BOOT_FOLDER)
            for part, inside in named.items():
                shutil.copy(getattr(guest, part), host.path(inside))
        return guestkit.Guest(**{**{name: getattr(guest, name) for name in guest.__slots__}, **named})

    def virsh(self, site: str, *words: str) -> str:
        """As the site's owner has its libvirt, whose messages are in the language of its host."""
        return self.hosts[site].must("virsh", *words)

    # ---- hands -----------------------------------------------------------------------------------------------------------

    def home(self, name: str) -> Path:
        """Of 'vault', 'appliance-a' or 'appliance-b', as it is seen from outside."""
        kind, _, site = name.partition("-")
        return self.hosts[site or VAULT].upper / HOMES[kind].lstrip("/")

    def cli(self, *arguments: str, timeout_seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """One `secondsite` command on the vault's host, where it finds the vault by itself."""
        found = f"SECONDSITE_CLIENT={HOMES['vault']}/client.json"
        return self.hosts[VAULT].run("env", found, "secondsite", *arguments, within_seconds=timeout_seconds)

    def console(self, site: str, name: str) -> guestkit.Console:
        own = self.hosts[site].upper / CONSOLES.lstrip("/") / f"{name}.log"
        return guestkit.Console(own) if own.exists() else super().console(site, name)

    def lose(self, site: str) -> int:
        """The power of its host is cut; how many processes ended."""
        return self.hosts[site].cut_power()

    def qemus(self, name: str) -> list[int]:
        """Pids of QEMU processes that run a machine of this name, at any site."""
        found = []
        for pid in [pid for host in self.hosts.values() for pid in (host.pids() if host.is_on else [])]:
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if any(word.startswith(b"guest=" + name.encode() + b",") for word in words):
                    found.append(pid)
        return found

    # ---- the end ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leaves nothing behind."""
        for host in self.hosts.values():
            host.cut_power()
        self._network.close()
        subprocess.run(
            ["rm", "-rf", self.folder], check=True, timeout=300
        )  # several times as fast as shutil's

    @staticmethod
    def remove(folder: Path) -> None:
        """Takes away what a kept rig left running."""
        processes.kill_all(processes.of_folder(folder))
        bridges.remove(folder)
        shutil.rmtree(folder, ignore_errors=True)

    def summary(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "url": self.url,
            "client": str(self.home("vault") / "client.json"),
        }
