"""The built agent on loop devices, and who writes to them."""

import base64
import contextlib
import json
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import xxhash

from rig.agent_machines import BLOCK, PATIENCE, PROGRAM, TOP, LoopDisk, is_built, run
from rig.eventually import eventually
from secondsite.datapath.disks import NbdDisk

__all__ = [
    "BLOCK",
    "PATIENCE",
    "PROGRAM",
    "TOP",
    "LoopDisk",
    "is_built",
    "needs_agent",
    "run",
]

needs_agent = pytest.mark.skipif(
    not is_built(), reason="the agent is not built, or changed; next: ./dev agent"
)


class Agent:
    """The agent's process, and a conversation with it."""

    def __init__(self, folder, disks, *options):
        self.folder = Path(tempfile.mkdtemp(dir=folder, prefix="a"))
        self.seams = self.folder / "seams"
        self.seams.mkdir()
        self.disks = disks
        self.process = subprocess.Popen(
            [
                PROGRAM, *self.verb(), "--loops", ",".join(disk.name for disk in disks), "--only-loops",
                "--control", self.control, "--nbd", self.readers, *options,
            ]
        )  # fmt: skip
        self.conversation = eventually(self._connected, PATIENCE)
        self.lines = self.conversation.makefile("r")

    def verb(self):
        return ["serve", "--seams", self.seams]

    @property
    def control(self):
        return self.folder / "c"

    @property
    def readers(self):
        return self.folder / "n"

    def _connected(self):
        assert self.process.poll() is None, "the agent ended"
        conversation = socket.socket(socket.AF_UNIX)
        try:
            conversation.connect(str(self.control))
        except OSError:
            conversation.close()
            return None
        conversation.settimeout(PATIENCE)
        return conversation

    def send(self, do, **words):
        self.conversation.sendall(json.dumps({"do": do, **words}).encode() + b"\n")

    def answer(self):
        return json.loads(self.lines.readline())

    def ask(self, do, **words):
        """The answer, whatever it says."""
        self.send(do, **words)
        return self.answer()

    def told(self, do, **words):
        """What an answer tells that is to be good."""
        answer = self.ask(do, **words)
        assert answer["ok"], answer
        return answer.get("told")

    def hold(self, seam):
        """The agent will wait at the seam."""
        (self.seams / seam).touch()

    def held(self, seam):
        eventually((self.seams / f"{seam}.reached").exists, PATIENCE)

    def reaches(self, seam):
        """Whether the agent waits at the seam; else it has answered before it came there."""
        reached, talk = self.seams / f"{seam}.reached", [self.conversation]
        eventually(lambda: reached.exists() or select.select(talk, [], [], 0)[0], PATIENCE)
        return reached.exists()

    def hold_frozen(self, base, name):
        """A point is begun, and stands in the frozen window."""
        self.hold("frozen")
        self.send("open", view="frozen", base=base, name=name)
        self.held("frozen")

    def let_go(self, seam):
        (self.seams / f"{seam}.reached").unlink()
        (self.seams / seam).unlink()

    def reader(self, disk, bitmap):
        return NbdDisk(self.readers, disk.key, bitmaps=[bitmap])

    def point(self, base, name):
        """The answer to a frozen view, and the digests of the disks while it stood still."""
        self.hold("read")
        self.send("open", view="frozen", base=base, name=name)
        self.held("read")
        truth = {disk.key: disk.digests() for disk in self.disks}
        self.let_go("read")
        return self.answer(), truth

    def compare(self, disk, digests, start=0, batch=4096, **words):
        """What differs from these digests of the blocks from `start` on, and what nothing marked."""
        differing = unmarked = 0
        for first in range(0, len(digests), batch):
            part = base64.b64encode(b"".join(digests[first : first + batch])).decode()
            found = self.told("compare", disk=disk.key, first=start + first, digests=part, **words)
            differing += found["differing"]
            unmarked += len(found["unmarked"])
        return differing, unmarked

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def close(self):
        self.conversation.close()
        self.lines.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Writers:
    """Processes that write, until the context is left."""

    def __init__(self, *before):
        self.processes, self.before = [], before

    def start(self, kind, path, seed, *region):
        words = [
            *self.before,
            sys.executable,
            "-S",
            Path(__file__).with_name("writer.py"),
            kind,
            path,
            seed,
            *region,
        ]
        process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def busy(self):
        self.processes.append(
            subprocess.Popen([*self.before, sys.executable, "-S", "-c", "while True: pass"])
        )

    def close(self):
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes:
            process.communicate(timeout=PATIENCE)
        self.processes = []


def state(process):
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


@contextlib.contextmanager
def stopped(processes):
    """Processes that write past file systems stand still, and what they wrote has arrived."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    eventually(lambda: all(state(process) == "T" for process in processes), PATIENCE)
    yield
    for process in processes:
        process.send_signal(signal.SIGCONT)


class Replica:
    """What the other side holds: the digest of each block of each disk."""

    def __init__(self, agent, disks):
        self.agent, self.disks = agent, disks
        self.digests = {disk.key: [b""] * -(-disk.size // BLOCK) for disk in disks}

    def receive(self, bitmap):
        """Reads what an open view says is dirty; how many blocks that were."""
        count = 0
        for disk in self.disks:
            with self.agent.reader(disk, bitmap) as reader:
                for offset, data in reader.read_many(reader.dirty()):
                    for begin in range(0, len(data), BLOCK):
                        block = memoryview(data)[begin : begin + BLOCK]
                        self.digests[disk.key][(offset + begin) // BLOCK] = xxhash.xxh3_128_digest(block)
                        count += 1
        return count

    def receive_point(self, base, name):
        """Receives a frozen view; the digests that all disks had then."""
        answer, truth = self.agent.point(base, name)
        assert answer["ok"], answer
        self.receive(name)
        return truth

    def copy(self, name):
        """A first copy, from a live view."""
        self.agent.told("open", view="live", name=name)
        self.receive(name)
        self.agent.told("acknowledge", name=name)


class Pulse:
    """Writes again and again, and knows the longest time that it waited."""

    def __init__(self, disk):
        self.path, self.longest, self.count, self.ended = disk.mount / "pulse", 0.0, 0, False
        self.thread = threading.Thread(target=self._beat)
        self.thread.start()

    def _beat(self):
        last = time.monotonic()
        while not self.ended:
            self.path.write_bytes(b"x" * 4096)
            now = time.monotonic()
            self.longest, last = max(self.longest, now - last), now
            self.count += 1
            time.sleep(0.002)

    def goes_on(self):
        count = self.count
        eventually(lambda: self.count > count + 3, PATIENCE)

    def end(self):
        self.ended = True
        self.thread.join()
        return self.longest
