"""The built agent on loop devices, and who writes to them."""

import base64
import contextlib
import json
import mmap
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import xxhash

from rig.eventually import eventually
from secondsite.datapath.disks import NbdDisk
from secondsite.ground.units import KiB, MiB

TOP = Path(__file__).resolve().parents[2]
PROGRAM = TOP / ".cache" / "agent" / "secondsite-agent"
BLOCK = 64 * KiB
PATIENCE = 60.0


def is_built():
    """Whether the program is there, and no older than what it is built of."""
    sources = (path for path in (TOP / "agent").rglob("*") if path.suffix in (".go", ".c"))
    built = PROGRAM.stat().st_mtime if PROGRAM.exists() else 0
    return all(path.stat().st_mtime <= built for path in sources if not path.name.endswith("_test.go"))


needs_agent = pytest.mark.skipif(
    not is_built(), reason="the agent is not built, or changed; next: ./dev agent"
)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.strip()


class LoopDisk:
    """A loop device over a sparse file, with a file system on its first part."""

    def __init__(self, folder, name, size=256 * MiB, kind="ext4", fs_size=None, direct=False):
        self.kind, self.size, self.fs_size = kind, size, fs_size or size
        self.file, self.mount = folder / f"{name}.raw", folder / name
        self.mount.mkdir()
        with self.file.open("wb") as file:
            file.truncate(size)
        extra = ["--direct-io=on"] if direct else []
        self.device = run("losetup", "-f", "--show", *extra, str(self.file))
        self.name = self.device.removeprefix("/dev/")
        self.mounted = False

    @property
    def key(self):
        return f"file:{self.file}"

    def make(self, *others):
        """Makes its file system, over other devices as well, and mounts it."""
        devices = [self.device, *(other.device for other in others)]
        options = {
            "ext4": [
                "-q",
                "-F",
                "-E",
                "lazy_itable_init=0,lazy_journal_init=0",
                self.device,
                f"{self.fs_size // KiB}k",
            ],
            "xfs": ["-q", "-f", "-d", f"size={self.fs_size}", self.device],
            "btrfs": ["-q", "-f", "-b", str(self.fs_size), *devices],
        }[self.kind]
        run(f"mkfs.{self.kind}", *options)
        run("mount", self.device, str(self.mount))
        self.mounted = True
        return self

    def writes(self):
        """How many requests that write the kernel counted."""
        fields = [int(word) for word in Path(f"/sys/block/{self.name}/stat").read_text().split()]
        return fields[4] + fields[11]

    def flying(self):
        return int(Path(f"/sys/block/{self.name}/stat").read_text().split()[8])

    def content(self):
        """All bytes, read past the page cache, block by block."""
        data = mmap.mmap(-1, MiB)
        file = os.open(self.device, os.O_RDONLY | os.O_DIRECT)
        try:
            for at in range(0, self.size, MiB):
                n = os.preadv(file, [data], at)
                for begin in range(0, n, BLOCK):
                    yield bytes(memoryview(data)[begin : min(begin + BLOCK, n)])
        finally:
            os.close(file)

    def digests(self):
        return [xxhash.xxh3_128_digest(block) for block in self.content()]

    def close(self):
        if self.mounted:
            subprocess.run(["fsfreeze", "-u", str(self.mount)], capture_output=True, timeout=PATIENCE)
            eventually(
                lambda: subprocess.run(["umount", str(self.mount)], capture_output=True).returncode == 0,
                PATIENCE,
            )
        run("losetup", "-d", self.device)


class Agent:
    """The agent's process, and a conversation with it."""

    def __init__(self, folder, disks, *options):
        self.folder = Path(tempfile.mkdtemp(dir=folder, prefix="a"))
        self.seams = self.folder / "seams"
        self.seams.mkdir()
        self.disks = disks
        self.process = subprocess.Popen(
            [
                PROGRAM, "serve", "--loops", ",".join(disk.name for disk in disks), "--only-loops",
                "--control", self.control, "--nbd", self.readers, "--seams", self.seams, *options,
            ]
        )  # fmt: skip
        self.conversation = eventually(self._connected, PATIENCE)
        self.lines = self.conversation.makefile("r")

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

    def compare(self, disk, digests, start=0, batch=4096):
        """What differs from these digests of the blocks from `start` on, and what nothing marked."""
        differing = unmarked = 0
        for first in range(0, len(digests), batch):
            part = base64.b64encode(b"".join(digests[first : first + batch])).decode()
            found = self.told("compare", disk=disk.key, first=start + first, digests=part)
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

    def __init__(self):
        self.processes = []

    def start(self, kind, path, seed, *region):
        words = [sys.executable, "-S", Path(__file__).with_name("writer.py"), kind, path, seed, *region]
        process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def busy(self):
        self.processes.append(subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]))

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
