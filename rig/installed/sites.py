"""The rig as installed: a vault and two sites, each on a host of its own, put there by deploy/install and
started by systemd."""

import contextlib
import json
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import guestkit
from rig import loop_devices, processes
from rig.eventually import eventually
from rig.hands import Hands, write
from rig.images import qemu_img
from rig.installed import network, template
from rig.installed.host import SHARED, Host, end, remove
from rig.installed.network import GUESTS, Network
from rig.installed.service import Service
from rig.machines import BLOCK, OLD_QCOW2, STORAGE, SUFFIXES, GuestMachine
from secondsite.domain.errors import VaultUnreachable
from secondsite.fabrics.reaching import Knock, KnockResult
from secondsite.wire import rest

VAULT, SITES = "vault", ("a", "b")
NUMBERS = {VAULT: 10, "a": 11, "b": 12, "a2": 13, "b2": 14, "b3": 15, "c": 16}
HOMES = {"vault": "/var/lib/secondsite/vault", "appliance": "/var/lib/secondsite/appliance"}
BOOT_FOLDER, PARTS = Path("/var/lib/libvirt/boot"), ("kernel", "initrd")
MACHINES, CONSOLES = "/var/lib/libvirt/images", "/var/log/libvirt/guests"
REST_PORT, DATA_PORT = 8443, 9445
LOCALE = template.STRANGE[0]
ZONE = "Pacific/Chatham"
"""Three quarters of an hour off everybody else."""
PROXY = "http://192.0.2.1:3128"
"""An address that nobody has."""
PYTHON = "/opt/secondsite/bin/python"
CHECKS = template.ROOT / "deploy" / "secondsite-appliance-checks.conf"
SEGMENT = template.ROOT / "deploy" / "secondsite-appliance-segment.conf"
VISIT = """
import json, sys, time
from secondsite.fabrics.libvirt import reaching
from secondsite.fabrics.reaching import Knock
knocks, bridge, source = json.load(sys.stdin)
with reaching.visit([Knock(**each) for each in knocks], bridge, source) as answers:
    while len(found := answers()) < len(knocks):
        time.sleep(0.05)
json.dump({number: (heard.passed, heard.said) for number, heard in found.items()}, sys.stdout)
"""


class Installed(Hands):
    """Two sites and a vault in `folder` (a new one by default). Names of hosts are 'vault', 'a' and 'b'."""

    fabric = "libvirt"
    about = (
        "on the rig as installed: three hosts with a systemd, libvirtd and network each, as deploy/install "
        "leaves them"
    )

    lost_by = "the power of its host is cut, which ends"

    def __init__(self, folder: Path | None = None, *, stays: bool = False, shares: str = "") -> None:
        """`stays`: it outlives this process, until it is removed. `shares`: the site whose hosts share a
        folder, in which the machines of site a have their disks, or the appliances of site b their stores."""
        self._stays, self._shares = stays, shares
        self.folder = folder or Path(tempfile.mkdtemp(prefix="ssi-", dir="/var/tmp"))
        self.tag = uuid.uuid4().hex[:6]
        made_from = template.installed()
        self._network = Network(self.folder, self.tag)
        self.hosts = {name: self._host(name, made_from) for name in (VAULT, *SITES)}
        self.vault = Service(self.hosts[VAULT], "secondsite-vault")
        self.appliances: Mapping[str, Any] = {
            site: Service(self.hosts[site], "secondsite-appliance") for site in SITES
        }
        self.guests: dict[str, GuestMachine] = {}
        self._boot_files: dict[Path, Path] = {}
        """What machines boot, by its place at both sites."""
        self.url = f"https://{self._network.address(NUMBERS[VAULT])}:{REST_PORT}"
        self.names_at = self._network.address(1)
        self._forks = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _host(self, name: str, made_from: Path) -> Host:
        number = NUMBERS[name]
        space = self._network.namespace(number)
        shared = self.folder / "shared" if self._shares and name.startswith(self._shares) else None
        if shared is not None:
            shared.mkdir(exist_ok=True)
            shared.chmod(0o755)
        host = Host(name, self.folder / name, made_from, space, stays=self._stays, shared=shared)
        host.connect = lambda: self._network.connect(number)
        self._settle(host)
        return host

    @staticmethod
    def _settle(host: Host) -> None:
        """Its language, its place in the world and its way out are none of ours."""
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

    # ---- setting up
    # ------------------------------------------------------------------------------------------------------

    def open(
        self, say: Callable[[str], None] = lambda _: None, furnish: Callable[[str], None] = lambda _: None
    ) -> Self:
        """As the guide of installation says it. `furnish` may make a site's machines before its appliance
        starts."""
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

    def add_host(self, name: str = "a2") -> None:
        """One more host of the site that its name begins with; what machines boot comes later."""
        self.hosts[name] = self._host(name, template.installed())
        self.hosts[name].power_on()
        self.hosts[name].must("mkdir", "-p", CONSOLES)

    def give_appliance(self, name: str = "a2") -> None:
        """One of its own to a further host."""
        with self.client() as vault:
            self._enroll(vault.sites[name[0]].create_registration_key(), name)
        self.appliances = {**self.appliances, name: Service(self.hosts[name], "secondsite-appliance")}
        self.appliances[name].start()
        self.wait_connected()

    def add_site(self, site: str) -> None:
        """One more site, with a host and an appliance."""
        self.add_host(site)
        self._copy_boot_files(site)
        with self.client() as vault:
            vault.sites.create(site)
            for other in SITES:
                vault.pairs.set(other, site, reverse_after_commit=False)
                vault.mappings.create(other, GUESTS, site, GUESTS)
        self.give_appliance(site)

    def let_migrate(self, *names: str) -> None:
        """Their libvirt takes machines from others, over a network that is its owner's alone."""
        for name in names:
            host = self.hosts[name]
            host.write("/etc/libvirt/libvirtd.conf", f'auth_tcp = "none"\nhost_uuid = "{uuid.uuid4()}"\n')
            host.must("systemctl", "stop", "libvirtd", "libvirtd.socket", "libvirtd-ro.socket",
                      "libvirtd-admin.socket")  # fmt: skip
            host.must("systemctl", "start", "libvirtd-tcp.socket", "libvirtd.socket", "libvirtd-ro.socket",
                      "libvirtd-admin.socket", "libvirtd")  # fmt: skip

    def migrate(self, name: str, here: str, there: str, *, keep: bool = False) -> None:
        """Live, as its owner does it. `keep`: its definition stays here, too."""
        address = self._network.address(NUMBERS[there])
        words = ["--live", "--persistent", "--unsafe", *(() if keep else ("--undefinesource",))]
        self.virsh(here, "migrate", *words, name, f"qemu+tcp://{address}/system", f"tcp://{address}")

    def _init_vault(self) -> None:
        number = NUMBERS[VAULT]
        hosts = (self._network.address(number), self._network.address6(number))
        words = ["--name", "dr", "--listen", "0.0.0.0", *(f"--host={each}" for each in hosts)]
        self.hosts[VAULT].must("secondsite", "vault", "init", "--home", HOMES["vault"], *words)

    def _enroll(self, key: rest.RegistrationKey, site: str) -> None:
        """Site a is reached by IPv4, site b by IPv6."""
        number = NUMBERS[site]
        by_four, by_six = self._network.address(number), f"[{self._network.address6(number)}]"
        listen, address = ("[::]", by_six) if site == "b" else ("0.0.0.0", by_four)
        words = ["--name", f"appliance-{site}", "--uri", "qemu:///system", "--boot-folder", str(BOOT_FOLDER)]
        words += ["--listen", f"{listen}:{DATA_PORT}", "--advertise", f"{address}:{DATA_PORT}"]
        if self._shares == "b" and site.startswith("b"):
            words += ["--store", f"{SHARED}/{site}"]
        if self._shares == "a":  # a folder that is mounted at both hosts says nothing of that, as NFS would
            words += ["--view-kind", "backup-job"]
        self._use(key, site, "enroll", *words)

    def _use(self, key: rest.RegistrationKey, site: str, verb: str, *words: str) -> None:
        words = (
            "--vault",
            self.url,
            "--fingerprint",
            key.ca_fingerprint,
            "--home",
            HOMES["appliance"],
            *words,
        )
        self.hosts[site].must("secondsite", "appliance", verb, *words, text=f"{key.key}\n")

    def wait_connected(self, within_seconds: float = 60, only: str | None = None) -> None:
        """All appliances, or only that one, have said hello to the vault that runs now."""

        def none_is_away() -> bool:
            with contextlib.suppress(VaultUnreachable), self.client() as vault:
                return all(each.connected for each in vault.appliances if only in (None, each.name))
            return False

        eventually(none_is_away, within_seconds)

    # ---- machines
    # --------------------------------------------------------------------------------------------------------

    def bridge(self, site: str) -> str:
        """Of a site's host, for its machines."""
        return GUESTS

    def make_guest(
        self, name: str, site: str = "a", *, disk_bytes: tuple[int, ...] = (64 * guestkit.MiB,),
        filled_bytes: int = 0,
        workload: guestkit.Workload | None = None, kind: guestkit.Kind = guestkit.Kind.WRITER,
        storage: str = STORAGE[0],
    ) -> GuestMachine:  # fmt: skip
        """A real guest that runs at a site, made by its owner with virsh; `storage` as of
        GuestMachine.make."""
        host = self.hosts[site]
        guest = self._give_boot_files(kind)
        suffix = SUFFIXES.get(storage, storage)
        folder = SHARED if self._shares == "a" else MACHINES
        disks = [f"{folder}/{name}-{number}.{suffix}" for number in range(len(disk_bytes))]
        for path, size in zip(disks, disk_bytes, strict=True):
            guestkit.make_disk(host.path(path), size, filled_bytes=filled_bytes)
            if storage == OLD_QCOW2:
                qemu_img("amend", "-f", "qcow2", "-o", "compat=0.10", host.path(path))
        if storage == BLOCK:
            disks = [self._device(host, path) for path in disks]
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
        above = self.folder / "shared" if self._shares == "a" else host.upper / MACHINES.lstrip("/")
        seen = tuple(Path(path) if storage == BLOCK else above / Path(path).name for path in disks)
        made = GuestMachine(
            name, fabric_id, seen, guestkit.Console(host.upper / console.lstrip("/")), GUESTS, seen
        )
        self.guests[name] = made
        return made

    def _device(self, host: Host, path: str) -> str:
        """The block device that a host has a file of its own as."""
        device = str(loop_devices.begin(host.upper / path.lstrip("/")))
        number = device.removeprefix("/dev/loop")
        host.must("sh", "-c", f"[ -b {device} ] || mknod -m 660 {device} b 7 {number}")
        return device

    def _give_boot_files(self, kind: guestkit.Kind) -> guestkit.Guest:
        """Kernel and initramfs, in the same place at both sites."""
        guest = guestkit.build(kind=kind)
        named = {part: BOOT_FOLDER / f"{kind.name.lower()}-{getattr(guest, part).name}" for part in PARTS}
        self._boot_files |= {inside: getattr(guest, part) for part, inside in named.items()}
        for site in self.hosts.keys() - {VAULT}:
            self._copy_boot_files(site)
        return replace(guest, kernel=named["kernel"], initrd=named["initrd"])

    def _copy_boot_files(self, site: str) -> None:
        host = self.hosts[site]
        host.must("mkdir", "-p", str(BOOT_FOLDER))
        for inside, made in self._boot_files.items():
            shutil.copy(made, host.path(inside))

    def virsh(self, site: str, *words: str) -> str:
        """As the site's owner has its libvirt, whose messages are in the language of its host."""
        return self.hosts[site].must("virsh", *words)

    # ---- the worst day
    # -----------------------------------------------------------------------------------------------------

    def destroy_vault(self) -> None:
        """Its host is gone, with all that it had."""
        self.hosts[VAULT].destroy()

    def new_vault(self) -> None:
        """A new host, on which one with a CA of its own serves at the same address, and knows nothing."""
        self._new_host(VAULT)
        self._init_vault()
        self.vault.start()

    def destroy_site(self, site: str) -> None:
        """Its host is gone, with all that it had."""
        self.hosts[site].destroy()

    def replace_site(self, site: str) -> None:
        """New hardware: an appliance in the place of the destroyed one, which the vault of now knows by
        name only."""
        self._new_host(site)
        self._copy_boot_files(site)
        with self.client() as vault:
            (lost,) = [each for each in vault.appliances.list(site) if not each.connected]
            self._enroll(vault.appliances[lost.id].create_registration_key(), site)
        self.appliances[site].start()
        self.wait_connected()

    def enroll_again(self, site: str) -> None:
        """The appliance of a site, whose host is still there, at the vault of now."""
        with self.client() as vault:
            if site not in [each.name for each in vault.sites.list()]:
                vault.sites.create(site)
            key = vault.sites[site].create_registration_key()
        self._use(key, site, "enroll-again")
        self.appliances[site].start()

    def _new_host(self, name: str) -> None:
        host = self.hosts[name]
        host.make()
        self._settle(host)
        host.power_on()

    # ---- hands
    # --------------------------------------------------------------------------------------------------------

    def home(self, name: str) -> Path:
        """Of 'vault', 'appliance-a' or 'appliance-b', as it is seen from outside."""
        kind, _, site = name.partition("-")
        return self.hosts[site or VAULT].upper / HOMES[kind].lstrip("/")

    def cli(self, *arguments: str, timeout_seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """One `secondsite` command on the vault's host, where it finds the vault by itself."""
        found = f"SECONDSITE_CLIENT={HOMES['vault']}/client.json"
        return self.hosts[VAULT].run("env", found, "secondsite", *arguments, within_seconds=timeout_seconds)

    def by_hand(
        self, site: str, *words: str, within_seconds: float = 180
    ) -> subprocess.CompletedProcess[str]:
        command = [*self._by_hand(Path(HOMES["appliance"]) / "store"), *words]
        return self.hosts[site].run(*command, within_seconds=within_seconds)

    def visit(self, site: str, knocks: Sequence[Knock], source: str) -> Mapping[int, KnockResult]:
        asked = json.dumps([[asdict(each) for each in knocks], self.bridge(site), source])
        said = json.loads(self.hosts[site].must(PYTHON, "-IXutf8", "-c", VISIT, text=asked))
        return {int(number): KnockResult(*heard) for number, heard in said.items()}

    def let_check(self, site: str) -> None:
        """As docs/guide/checks.md says."""
        name = "secondsite-appliance.service.d/checks.conf"
        host = self.hosts[site]
        host.write(f"/etc/systemd/system/{name}", CHECKS.read_text())
        host.must("systemctl", "daemon-reload")

    def let_span(self, name: str) -> None:
        """As docs/guide/drill.md says, over the network that all hosts are on."""
        host, file = self.hosts[name], f"{HOMES['appliance']}/appliance.json"
        host.write("/etc/systemd/system/secondsite-appliance.service.d/segment.conf", SEGMENT.read_text())
        settings = json.loads(host.path(file).read_text())
        host.write(file, json.dumps({**settings, "drill_segment": self.segment(name)}))
        host.must("systemctl", "daemon-reload")
        host.must("systemctl", "restart", "secondsite-appliance")

    def segment(self, name: str) -> str:
        """The host's address on the network that all hosts are on."""
        return self._network.address(NUMBERS[name])

    def put(self, site: str, name: str, text: str, mode: int = 0o600) -> str:
        inside = Path(HOMES["appliance"]) / name
        write(self.hosts[site].path(inside), text, mode)
        return str(inside)

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

    # ---- who looks on
    # ------------------------------------------------------------------------------------------------

    @property
    def before_commands(self) -> Sequence[str]:
        """How a person gets onto the hosts."""
        return [f"{each.shell}   # a shell on host {each.name}" for each in self.hosts.values()]

    @property
    def secondsite(self) -> str:
        """The command line, on the vault's host."""
        return f"{self.hosts[VAULT].shell} secondsite"

    def logs(self) -> dict[str, str]:
        """Of its services, by name."""
        return {each.name: each.log() for each in (self.vault, *self.appliances.values())}

    # ---- the end
    # --------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Leaves nothing behind."""
        for host in self.hosts.values():
            host.cut_power()
        self._network.close()
        loop_devices.remove(self.folder)
        remove(self.folder)

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Whether a rig of this kind was left in the folder."""
        return network.tag_of(folder) is not None

    @staticmethod
    def remove(folder: Path) -> None:
        """Takes away what a kept rig left running: its hosts, its network and its files."""
        end(folder)
        processes.kill_folder(folder)
        network.remove(folder)
        loop_devices.remove(folder)
        remove(folder)

    def summary(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "url": self.url,
            "client": str(self.home("vault") / "client.json"),
        }
