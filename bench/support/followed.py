"""A machine that the agent follows: a file system on a loop device of this machine, the agent's process, a
program that writes, and somebody who takes a point of it every ten seconds."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.errors import NotMeasured
from rig import loop_devices
from rig.eventually import eventually
from secondsite.datapath.disks import NbdDisk
from secondsite.ground import threads
from secondsite.ground.units import MiB

PROGRAM = Path(__file__).resolve().parents[2] / ".cache" / "agent" / "secondsite-agent"
POINT_SECONDS = 10.0
DISK_BYTES = 512 * MiB
HOW = (
    "ext4 on a loop device of this machine, not in a guest: 64 KiB written at a place by chance and made "
    f"durable, again and again; the agent follows, and every {POINT_SECONDS:.0f} s a live and a frozen view "
    "are read over its socket by this process"
)


class Machine:
    """One loop device with a file system, in a folder of its own."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        if os.geteuid() != 0 or not PROGRAM.exists():
            raise NotMeasured("only root follows disks, by the built agent; next: ./dev agent")
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp")))
        self.mount = self.folder / "mount"
        self.mount.mkdir()
        file = self.folder / "disk.raw"
        with file.open("wb") as made:
            made.truncate(DISK_BYTES)
        self.device = loop_devices.begin(file)
        stack.callback(loop_devices.end, self.device)
        self.key = f"file:{file}"
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.device))
        _run("mount", str(self.device), str(self.mount))
        stack.callback(_run, "umount", str(self.mount))

    def written(self, seconds: float, rate: float = 0.0) -> dict[str, float]:
        """MB a second and the p99 of what was made durable, in ms."""
        program = Path(__file__).with_name("fsyncing.py")
        words = [sys.executable, "-S", str(program), str(self.mount / "file"), str(seconds), str(rate)]
        found: dict[str, float] = json.loads(_run(*words, patience=seconds + 60))
        return found


class Agent:
    """The agent's process, and a conversation with it."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.folder = machine, machine.folder
        self.process = subprocess.Popen(
            [str(PROGRAM), "serve", "--loops", machine.device.name, "--only-loops", "--scan-mib", "0",
             "--control", str(self.folder / "c"), "--nbd", str(self.folder / "n")]
        )  # fmt: skip
        self.connection = eventually(self._connected, 60)
        self.lines = self.connection.makefile("r")
        self.points = self.tries = 0
        self.base = ""

    def _connected(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.folder / "c"))
        except OSError:
            connection.close()
            return None
        connection.settimeout(120)
        return connection

    def ask(self, do: str, **words: Any) -> dict[str, Any]:
        self.connection.sendall(json.dumps({"do": do, **words}).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self.lines.readline())
        return answer

    def begin(self) -> None:
        """Marks count from now on; the first copy is left out."""
        self.base = f"b{time.monotonic_ns()}"
        self.ask("open", view="live", name=self.base)
        self.ask("acknowledge", name=self.base)

    def point(self) -> None:
        """A live view and a frozen one, both read; where marks were lost it begins anew."""
        for words in ({"view": "live", "flushed": True}, {"view": "frozen"}):
            name = f"p{time.monotonic_ns()}"
            answer = self.ask("open", base=self.base, name=name, **words)
            if not answer["ok"]:
                return self.begin()
            self._read(name)
            self.ask("acknowledge", name=name)
            self.base = name
        self.points += 1
        return None

    def _read(self, name: str) -> None:
        with NbdDisk(self.folder / "n", self.machine.key, bitmaps=[name]) as reader:
            for _ in reader.read_many(reader.dirty()):
                pass

    def processor_seconds(self) -> float:
        """Of the agent and of its watchdogs that have ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.wait(60)


@contextlib.contextmanager
def followed(machine: Machine) -> Iterator[Agent]:
    """The agent follows, and a point is taken every ten seconds."""
    agent, ended = Agent(machine), threading.Event()

    def take() -> None:
        while not ended.wait(POINT_SECONDS):
            agent.tries += 1
            agent.point()

    agent.begin()
    taker = threads.worker("points", take)
    taker.start()
    try:
        yield agent
    finally:
        ended.set()
        taker.join()
        agent.close()


def _run(*words: str, patience: float = 60) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=patience).stdout
