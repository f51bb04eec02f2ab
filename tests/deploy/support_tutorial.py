"""What the tutorial tells to type is read out of its page, and typed on two fresh hosts."""

import contextlib
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import guestkit
from rig import installed
from rig.eventually import eventually
from rig.installed.network import GUESTS, Network
from rig.installed.terminal import Terminal
from rig.packages.layers import Layer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "tutorial.md"
BLOCK = re.compile(r"^```\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
AT = re.compile(r"\b[Oo]n\s+`(?P<host>[a-z]+)`")
NUMBERS = {"rome": 10, "paris": 11}
MACHINE = "web01"
BOTH_ARE_THERE = r"(?s)( connected .*){2}"
"""What the list of appliances shows then."""
IS_PROTECTED = r"(?m)^state +protected"
"""What the page of a machine shows then."""
BOOT, IMAGES, CONSOLE = "/var/lib/libvirt/boot", "/var/lib/libvirt/images", "/var/log/libvirt/web01.log"
NETWORK = f"<network><name>default</name><forward mode='bridge'/><bridge name='{GUESTS}'/></network>"
HOME = "/var/lib/secondsite/appliance"
ANSWERS = {r"[Cc]ontinue\? \[Y/n\] $": "y", r"Begin\? \[y/N\]: $": "y"}
SETTING = f'boot_folders = ["{BOOT}"]\n'
"""The one thing that the page does not tell: this machine boots a kernel that lies beside it, as few do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and the host at which the page says that it is typed; empty: before there are any."""

    host: str
    line: str


def steps(page: str) -> Iterator[Step]:
    for block in BLOCK.finditer(page):
        named = [found["host"] for found in AT.finditer(page, 0, block.start())]
        for line in block["lines"].replace("\\\n", " ").splitlines():
            yield Step(named[-1] if named else "", " ".join(line.split()))


class TwoHosts:
    """As their owner has them: they know each other's names, and one runs a machine. What else is there
    comes by typing."""

    def __init__(self, folder: Path, layer: Layer) -> None:
        self._network = Network(folder, uuid.uuid4().hex[:6])
        self._shown = ""
        self._guest = guestkit.build()
        self.terminals = {name: Terminal(self._host(name, folder, layer), ANSWERS) for name in NUMBERS}

    def _host(self, name: str, folder: Path, layer: Layer) -> installed.Host:
        number = NUMBERS[name]
        space = self._network.namespace(number)
        host = installed.Host(name, folder / name, network=space, below=layer.lower)
        host.connect = lambda: self._network.connect(number)
        known = "".join(f"{self._network.address(at)} {each}\n" for each, at in NUMBERS.items())
        host.write("/etc/hosts", f"127.0.0.1 localhost\n{known}")
        host.write(f"{HOME}/appliance.toml", SETTING)
        for part in (self._guest.kernel, self._guest.initrd):
            host.write(f"{BOOT}/{part.name}", "")
            shutil.copyfile(part, host.path(f"{BOOT}/{part.name}"))
        return host

    def begin(self) -> None:
        for host in (terminal.host for terminal in self.terminals.values()):
            host.power_on()
            host.must("sh", "-c", "virsh net-destroy default; virsh net-undefine default; virsh net-list")
            host.must("virsh", "net-define", "/dev/stdin", text=NETWORK)
            host.must("virsh", "net-start", "default")
            host.must("virsh", "net-autostart", "default")

    def run_machine(self, name: str = MACHINE) -> None:
        """At paris, where it is defined and started by its owner."""
        host = self.terminals["paris"].host
        disk, mac = f"{IMAGES}/{name}.qcow2", "52:54:00:0a:0b:0c"
        guestkit.make_disk(host.path(disk), 64 * guestkit.MiB)
        here = guestkit.Guest(
            Path(BOOT, self._guest.kernel.name), Path(BOOT, self._guest.initrd.name), self._guest.kind
        )
        cards = [guestkit.Nic("default/", mac)]
        xml = guestkit.domain_xml(name, str(uuid.uuid4()), here, [Path(disk)], cards, Path(CONSOLE))
        host.must("virsh", "define", "/dev/stdin", text=xml)
        host.must("virsh", "start", name)
        self.console("paris").wait_for_boot(within_seconds=120)

    def console(self, name: str) -> guestkit.Console:
        """What the machine says at a host: at its home where its owner reads it, else where the appliance
        put it."""
        path = CONSOLE if name == "paris" else f"{HOME}/fabric-work/console/{MACHINE}.log"
        return guestkit.Console(self.terminals[name].host.upper / path.lstrip("/"))

    def copy(self, files: Iterator[Path]) -> None:
        for path in files:
            for terminal in self.terminals.values():
                terminal.host.write(f"/root/{path.name}", "")
                shutil.copyfile(path, terminal.host.path(f"/root/{path.name}"))

    def type(self, step: Step) -> str:
        """What it shows; what a step before has shown is filled in where the page has capitals for it."""
        terminal = self.terminals[step.host]
        line = re.sub(r"\bFINGERPRINT\b", lambda _: self._told("CA fingerprint"), step.line)
        if " enroll " in line:
            terminal.answers[r"registration key: $"] = self._told("key")
        shown = terminal.type(line)
        if "create-registration-key" in line:
            self._shown = shown
        return shown

    def _told(self, fact: str) -> str:
        found = re.search(rf"^{fact} +(\S+)$", self._shown, re.MULTILINE)
        assert found is not None, f"no '{fact}' in: {self._shown}"
        return found[1]

    def until(self, line: str, wanted: str, within_seconds: float = 300) -> str:
        """A command of `rome` is typed again until it shows that."""

        seen = [""]

        def shown() -> bool:
            seen[0] = self.terminals["rome"].type(line)
            return re.search(wanted, seen[0]) is not None

        try:
            eventually(shown, within_seconds)
        except AssertionError as never:
            raise AssertionError(f"'{line}' does not show {wanted}, but:\n{seen[0]}") from never
        return seen[0]

    def remove(self) -> None:
        """The packages are taken from both hosts, while all runs."""
        for terminal in self.terminals.values():
            terminal.type("apt remove 'secondsite*'")

    def left(self, name: str) -> str:
        """What a host still runs, and which of its units have failed."""
        return self.terminals[name].host.must("sh", "-c", "ps -e -o args; systemctl --failed --no-legend")

    def close(self) -> None:
        for terminal in self.terminals.values():
            terminal.host.destroy()
        self._network.close()


@contextlib.contextmanager
def two_hosts(folder: Path, layer: Layer) -> Iterator[TwoHosts]:
    made = TwoHosts(folder, layer)
    try:
        made.begin()
        yield made
    finally:
        made.close()
