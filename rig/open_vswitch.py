"""A real Open vSwitch on this host, with its datapath in user space: no module of the kernel takes part.

One runs at a time: its datapath has a card of a fixed name."""

import contextlib
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from rig import bridges, processes
from rig.background import Background
from rig.eventually import eventually
from secondsite.ground import lockfile

PROGRAMS = ("ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ethtool")
SWITCH = Path("/usr/lib/openvswitch-switch/ovs-vswitchd")
SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
LOCK = Path("/tmp/secondsite-open-vswitch.lock")
SOL_PACKET, PACKET_AUXDATA, ETH_P_ALL, TAG_IS_VALID = 263, 8, 3, 1 << 4


def is_installed() -> bool:
    return SWITCH.exists() and all(map(shutil.which, PROGRAMS))


class OpenVSwitch:
    """A context: it runs inside, with its bridges."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._socket = folder / "db.sock"

    def __enter__(self) -> Self:
        self._lock = LOCK.open("w")
        lockfile.wait_alone(self._lock.fileno())
        database = self.folder / "conf.db"
        subprocess.run(["ovsdb-tool", "create", database, SCHEMA], check=True, timeout=10)
        self._running = [self._begun("ovsdb-server", str(database), f"--remote=punix:{self._socket}")]
        try:
            eventually(self._socket.exists, 10)
            self.configure("--no-wait", "init")
            self._running.append(self._begun(str(SWITCH), f"unix:{self._socket}", "--disable-system"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_problem: object) -> None:
        with contextlib.suppress(processes.DidNotStart):
            for name in self.configure("list-br").split():
                self.configure("del-br", name)
        for process in reversed(self._running):
            process.kill()
            process.wait(timeout=10)
        self._lock.close()

    def bridge(self, name: str) -> None:
        self.configure("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev")

    def plug(self, bridge: str, link: str, tag: int | None = None) -> None:
        """A link becomes a port of the bridge: with a tag in that VLAN, without one a trunk of all."""
        self.configure("add-port", bridge, link, *([] if tag is None else [f"tag={tag}"]))

    def plug_space(self, bridge: str, space: str, tag: int | None = None) -> None:
        """Plug in the cable SPACEo, whose end SPACEi is in a network namespace. A kernel leaves sums out of
        what it sends through a cable of its own, and a switch in user space sends that on as it is."""
        bridges.ip("netns", "exec", space, "ethtool", "-K", f"{space}i", "tx", "off")
        self.plug(bridge, f"{space}o", tag)

    def ports(self, bridge: str) -> list[str]:
        return self.configure("list-ports", bridge).split()

    def vlan(self, port: str) -> tuple[str, str, str]:
        """A port's tag, trunks and mode, as ovs-vsctl shows them."""
        tag, trunks, mode = self.configure("get", "port", port, "tag", "trunks", "vlan_mode").splitlines()
        return tag, trunks, mode

    def configure(self, *words: str) -> str:
        """What its administrator is told."""
        command = ["ovs-vsctl", f"--db=unix:{self._socket}", "--timeout=20", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise processes.DidNotStart(f"{' '.join(command)}:\n{done.stderr}")
        return done.stdout

    def _begun(self, program: str, *words: str) -> "subprocess.Popen[bytes]":
        name = Path(program).name
        own = (f"--unixctl={self.folder / name}.ctl", f"--log-file={self.folder / name}.log", "-vconsole:off")
        with (self.folder / f"{name}.err").open("wb") as said:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, *words, *own],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip


@contextlib.contextmanager
def capture(link: str) -> Iterator[set[tuple[str, int | None]]]:
    """Inside, a set grows of who sends through this end of a cable, with the VLAN tag on the wire; None: it
    has none."""
    seen: set[tuple[str, int | None]] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
        wire.bind((link, 0))
        wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        wire.settimeout(0.2)

        def look() -> None:
            while not background.ended.is_set():
                with contextlib.suppress(TimeoutError):
                    frame, more, _flags, _address = wire.recvmsg(64, 64)
                    mac = frame[6:12].hex(":")
                    seen.add((mac, _tag(more)))

        background = Background({"capture": look})
        with background:
            yield seen


def _tag(more: list[tuple[int, int, bytes]]) -> int | None:
    """The kernel takes the tag off a frame that it receives, and tells it beside."""
    for level, kind, data in more:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _length, _kept, _mac, _network, tag, _protocol = struct.unpack("IIIHHHH", data[:20])
            return tag & 0xFFF if status & TAG_IS_VALID else None
    return None
