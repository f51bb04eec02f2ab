"""A server that no hypervisor of ours knows: a whole Debian with a database, on LVM over two disks, and the
plain QEMU that plays its hardware: AHCI, an Intel card, two serial ports.

    cache/server-root-DIGEST/   the files, by debootstrap
    cache/server-DIGEST/        first.raw, second.raw: its disks
"""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from guestkit import building, programs, systems
from guestkit.errors import BuildFailed

HERE = Path(__file__).parent
SCRIPTS = {
    "usr/local/sbin/make-server": HERE / "server.sh",
    "usr/local/sbin/rows": HERE / "server_rows.sh",
    "usr/local/sbin/command": systems.COMMAND,
}
UNITS = {
    "make-server": "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\n"
    "ExecStart=/usr/local/sbin/make-server\n[Install]\nWantedBy=multi-user.target\n",
    "rows": "[Unit]\nAfter=postgresql.service\n[Service]\nExecStart=/usr/local/sbin/rows\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "command": systems.COMMAND_UNIT,
}
PACKAGES = ("postgresql", "psmisc", "dbus", "libpam-systemd")
"""With the last two it goes off at its power button."""
FIRST_MIB, SECOND_MIB = 3072, 1024
ROW = re.compile(rb"^ROW (\d+)", re.MULTILINE)
HELD = re.compile(rb"^HELD (\d+) (\d+)", re.MULTILINE)
COMMAND_SECONDS = 300.0
LOOK_SECONDS = 0.2


def disks(cache: Path | None = None) -> tuple[Path, Path]:
    """Its two raw disks, from the cache when they are there: to be copied, not written to. Needs root. Raises
    BuildFailed."""
    cache = (cache or building.DEFAULT_CACHE).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    wanted = [*(path.read_text() for path in SCRIPTS.values()), UNITS, systems.NETWORK, PACKAGES, FIRST_MIB]
    with building.alone(cache):
        root = building.once(
            cache / f"server-root-{systems.digest([systems.PACKAGES, PACKAGES])}",
            lambda into: systems.install(systems.SYSTEMS["debian-12"], into / "root", PACKAGES),
        )
        made = building.once(
            cache / f"server-{systems.digest(wanted)}", lambda into: _make(root / "root", into)
        )
    return made / "first.raw", made / "second.raw"


def _make(root: Path, into: Path) -> None:
    own, plain = into / "root", into / "plain.raw"
    programs.run(["cp", "-a", "--reflink=auto", root, own], within_seconds=systems.BUILD_SECONDS)
    _configure(own)
    systems.fill(own, plain)
    shutil.rmtree(own)
    made = [
        systems.blank(into / "first.raw", FIRST_MIB), systems.blank(into / "second.raw", SECOND_MIB)
    ]  # fmt: skip
    systems.start(into, root, [plain, *made], "server")
    plain.unlink()


def _configure(root: Path) -> None:
    for path, source in SCRIPTS.items():
        (root / path).write_bytes(source.read_bytes())
        (root / path).chmod(0o755)
    (root / "usr/local/share/parts").write_text(systems.PARTS.format(systems.LVM))
    for name, text in UNITS.items():
        (root / f"etc/systemd/system/{name}.service").write_text(text)
    (root / "etc/systemd/network/any.network").write_text(systems.NETWORK)
    (root / "etc/default/grub").write_text(systems.GRUB)
    (root / "etc/fstab").write_text("LABEL=root / ext4 defaults 0 1\n")
    (root / "etc/hostname").write_text("server\n")
    (root / "etc/machine-id").write_text("")
    for words in (
        ["enable", "make-server.service", "systemd-networkd.service"], ["mask", *systems.UNWANTED.split()]
    ):  # fmt: skip
        programs.run(["systemctl", f"--root={root}", *words])


@dataclass(slots=True)
class Server:
    """The machine, in a folder of its own."""

    folder: Path
    disks: tuple[Path, ...]
    bus: str = "ide"
    number: int = 0
    process: subprocess.Popen[bytes] | None = None
    words: Sequence[str] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, of: tuple[Path, ...] = (), bus: str = "ide") -> "Server":
        """A new one, or another system; its disks are copies. Raises BuildFailed."""
        folder.mkdir(parents=True)
        made = []
        for each in of or disks():
            programs.run(["cp", "--sparse=always", "--reflink=auto", each, folder / each.name])
            made.append(folder / each.name)
        return cls(folder, tuple(made), bus)

    @property
    def console(self) -> Path:
        """What it says since it was switched on last."""
        return self.folder / f"console-{self.number}"

    def switch_on(self, *boots: str) -> None:
        """Start it from its first disk, or as these words of QEMU say."""
        self.number += 1
        drives = [
            word
            for number, path in enumerate(self.disks)
            for word in (
                "-drive", f"id=d{number},file={path},format=raw,if=none,cache=none,discard=unmap",
                "-device", f"{self._device(number)},drive=d{number},serial=SERVER-{number}",
            )
        ]  # fmt: skip
        command: list[str | Path] = [
            programs.find("qemu-system-x86_64"), "-name", "server", "-machine", "q35",
            "-accel", "tcg,thread=multi",
            "-cpu", "max", "-smp", "2", "-m", "1024", "-nographic", "-nodefaults", "-no-user-config",
            "-uuid", "5e4a1d70-0000-4000-8000-00000000f00d", *drives,
            "-nic", "user,model=e1000e", "-serial", f"file:{self.console}",
            "-serial", f"unix:{self.folder}/command,server=on,wait=off", "-monitor", "none", *boots,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def _device(self, number: int) -> str:
        return f"ide-hd,bus=ide.{number}" if self.bus == "ide" else "virtio-blk-pci"

    def is_on(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def cut_power(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    # -- what it says --------------------------------------------------------------------------------------

    def rows(self) -> list[int]:
        """The rows that it has told since it was switched on."""
        return rows_in(self.console)

    def held(self) -> tuple[int, int] | None:
        """How many rows the database held when it was switched on, and the last of them."""
        return held_in(self.console)

    def run(self, command: str, within_seconds: float = COMMAND_SECONDS) -> tuple[int, str]:
        """How a line of shell ended in it, and what it printed. Raises TimeoutError."""
        with self.line(within_seconds) as line:
            line.sendall(f"{command}\n".encode())
            said = b""
            while not (ended := re.search(rb"END (\d+)\r?\n", said)):
                more = line.recv(65536)
                if not more:
                    raise TimeoutError(f"the server went off during {command}")
                said += more
        return int(ended[1]), said[: ended.start()].decode(errors="replace")

    @contextmanager
    def line(self, within_seconds: float) -> Iterator[socket.socket]:
        """What is said there is run, line by line; END and its status follow."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(within_seconds)
            line.connect(str(self.folder / "command"))
            yield line

    def wait_for(self, text: bytes, within_seconds: float = 300) -> float:
        """Until its console says that; how many seconds that took. Raises TimeoutError."""
        began = time.monotonic()
        while not self.console.exists() or text not in self.console.read_bytes():
            if time.monotonic() - began > within_seconds or not self.is_on():
                there = self.console.read_bytes() if self.console.exists() else b""
                said = there[-2000:].decode(errors="replace")
                raise TimeoutError(f"the server did not say {text!r} in {within_seconds:.0f} s: {said}")
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began


def rows_in(console: Path, starts: int = 0) -> list[int]:
    """The rows that a console was told after so many starts."""
    said = console.read_bytes()
    begins = [found.start() for found in HELD.finditer(said)]
    return [int(each) for each in ROW.findall(said[begins[starts] :] if starts else said)]


def starts_in(console: Path) -> int:
    """How often the server has started, as a console tells; 0 without one."""
    return len(HELD.findall(console.read_bytes())) if console.exists() else 0


def held_in(console: Path) -> tuple[int, int] | None:
    """What the database held at the last start that a console tells of."""
    found = HELD.findall(console.read_bytes())
    return (int(found[-1][0]), int(found[-1][1])) if found else None


__all__ = ["BuildFailed", "Server", "disks", "held_in", "rows_in", "starts_in"]
