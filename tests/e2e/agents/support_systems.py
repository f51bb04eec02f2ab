"""Whole systems under plain QEMU, protected by their agents; points are judged by the machine as it stood.

A point's instant lies within the freeze. So the agent is held there, at a seam; QEMU pauses the machine, and
its disks are read from outside. That counts only if the agent was still held when the machine had paused."""

import base64
import contextlib
import errno
import os
import re
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import nbd
import xxhash

from demo.physical import BOOT_SECONDS, FETCH, HOOK, HOOKS, HOST, served
from guestkit import system_runs, systems
from guestkit.server import Server
from rig import images
from rig.agent_machines import BLOCK, PROGRAM
from rig.eventually import eventually
from secondsite.datapath.disks.qmp import QmpClient
from secondsite.domain.lifecycle import Verb
from secondsite.ground.units import MiB
from secondsite.wire import rest
from tests.support import policies

COPY_SECONDS, POINT_SECONDS = 1800, 300
HELD_SECONDS = 3.0
"""It is held for five: a host that needs longer to pause the machine may have paused it too late."""
SEAMS = "/dev/shm/seams"
INSTALL = (
    "until ip route | grep -q default; do sleep 1; done; "
    "bash -c 'exec 3<>/dev/tcp/{host}/{port}; cat <&3 >/root/secondsite-agent' && "
    "chmod +x /root/secondsite-agent && mkdir -p {seams} && "
    "/root/secondsite-agent enroll --appliance {host}:{agents} {key} && "
    "systemd-run --unit=trial /root/secondsite-agent run --thaw-after 50s --hook-deadline 25s --seams {seams}"
)
HOLD = (
    f"touch {SEAMS}/read; until [ -e {SEAMS}/read.reached ]; do sleep 0.05; done; echo HE''LD; "
    f"sleep 5; echo LET''GO; sleep 1; rm {SEAMS}/read.reached {SEAMS}/read"
)
"""The line is echoed before it is run: so no word that is waited for stands in it."""
LOAD = r"""i=0
while :; do
    i=$((i + 1))
    dd if=/dev/urandom of=/var/tmp/load-$((i % 60)) bs=4k count=$((i * 7 % 300 + 1)) conv=fsync,notrunc
    [ $((i % 5)) = 0 ] && rm -f /var/tmp/load-$((i * 3 % 60))
    cp -r /etc /var/tmp/etc-$((i % 4))
    rm -rf /var/tmp/etc-$(((i + 2) % 4))
    echo $i >>/var/tmp/numbers
    sync /var/tmp/numbers
done
"""
BEGIN_LOAD = (
    "echo {} | base64 -d >/usr/local/sbin/load && "
    "systemd-run --unit=load -p CPUQuota=25% sh /usr/local/sbin/load && "
    "timeout 240 sh -c 'until [ -s /var/tmp/numbers ]; do sleep 1; done'"
)
"""One line: each line that is said is run by itself."""
PART = 2 * MiB
ZEROS = bytes(BLOCK)
HOLE = xxhash.xxh3_128_digest(ZEROS)
ROOT_AT = systems.ROOT_AT_MIB * MiB
XFS_AT = ROOT_AT + MiB
"""Behind what LVM notes on its only partition."""


class Judged:
    """A system that runs, and what was seen of it."""

    vault_name, ready = "whole", b"READY"
    policy = policies.quick(cycle_seconds=3)

    def __init__(self, rig, folder, name):
        self.rig, self.name = rig, name
        self.server = self.made(folder / name)
        self.server.switch_on("-qmp", f"unix:{self.server.folder}/qmp,server=on,wait=off")
        self.boot_seconds = self.server.wait_for(self.ready, systems.BUILD_SECONDS)
        self.qmp = QmpClient(self.server.folder / "qmp")
        self.figures = []
        self.window = None

    def made(self, folder):
        return Server.make(folder, (systems.disk(self.name),), bus="virtio")

    def enroll(self):
        """It is known by the vault, and its load begins."""
        with served(PROGRAM) as port:
            line = INSTALL.format(
                host=HOST, port=port, agents=self.rig.agents_port, key=self.rig.agent_key(), seams=SEAMS
            )
            status, said = self.server.run(line)
        assert status == 0, said
        self.told = eventually(self._discovered, BOOT_SECONDS)
        return self.told

    def _discovered(self):
        with self.rig.client() as vault:
            found = vault.sites["a"].inventory().machines
        return next((each for each in found if each.name == self.vault_name), None)

    def protect(self):
        with self.rig.client() as vault:
            vault.policies.create(**self.policy.model_copy(update={"name": self.name}).model_dump())
        request = rest.EnableProtection(
            machines=(self.vault_name,), source_site="a", target_site="b", policy=self.name
        )
        self.rig.must(Verb.ENABLE_PROTECTION, request, COPY_SECONDS)
        self.rig.wait_for(self.vault_name, lambda m: m.points.count > 0, COPY_SECONDS)

    def load(self):
        load = base64.b64encode(LOAD.encode()).decode()
        status, said = self.server.run(BEGIN_LOAD.replace("{}", load))
        assert status == 0, said

    def held(self):
        """The digests of its disks as they stood at an instant, and the point of that instant; None if it was
        let go too early to tell, or the instant is no point."""
        with self.server.line(POINT_SECONDS) as line:
            line.sendall(f"{HOLD}\n".encode())
            said = _until(line, b"HELD")
            began = time.monotonic()
            self.qmp.command("stop")
            held_at, slow = datetime.now(UTC), time.monotonic() - began > HELD_SECONDS
            line.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                said += line.recv(4096)
            before = self.newest()
            truth = None if slow or b"LETGO" in said else [*map(digests_of, self.server.disks)]
            self.qmp.command("cont")
            paused = time.monotonic() - began
            line.settimeout(POINT_SECONDS)
            while not re.search(rb"END (\d+)\r?\n", said):
                said += line.recv(4096)
        if truth is None:
            return None
        point = eventually(lambda: self._first_after(before), POINT_SECONDS)
        self.figures.append(paused)
        self.window = held_at, point.taken_at
        return (point, truth) if point.taken_at <= held_at else None

    def newest(self):
        """The number of the last cycle before that in which the agent is held, which began when it had
        arrived. Its point may be idle, and hardly older: XFS writes nothing for seconds."""
        replica = self.rig.replica_folder("b", self.rig.machine(self.vault_name).id)
        eventually(lambda: not any((replica / "inbox").iterdir()), POINT_SECONDS)
        return max(int(path.stem.rpartition(".")[2]) for path in (replica / "points").glob("*.json"))

    def _first_after(self, number):
        return next((point for point in self.rig.points(self.vault_name) if point.seq > number), None)

    def images(self, point):
        """Of a point's disks, in the order of the machine's own."""
        replica = self.rig.replica_folder("b", self.rig.machine(self.vault_name).id)
        return [image for _, image in sorted(images.point_disks(replica, point.id).items())]

    def wrong(self, point, truth):
        """Of each disk, the blocks in which a point is not what the disk was."""
        return [*map(differing, self.images(point), truth)]

    def fail_over(self):
        """It is lost with its site; what its copy said of its start, and how long all that took."""
        self.server.cut_power()
        self.rig.lose("a")
        began = time.monotonic()
        self.rig.must(Verb.FAILOVER, rest.Failover(machines=(self.vault_name,)), COPY_SECONDS)
        console = self.rig.console("b", self.vault_name)
        found = eventually(lambda: system_runs.said(console.text), systems.BUILD_SECONDS)
        return found, time.monotonic() - began

    def close(self):
        self.qmp.close()
        self.server.cut_power()


class JudgedServer(Judged):
    """The server with PostgreSQL, whose volumes lie across two disks; half of its points are of a database
    that rested."""

    vault_name, ready = "server", b"HELD"
    policy = policies.quick(
        app_consistent_every_seconds=25, retention_seconds=600, journal_seconds=0, cycle_seconds=3
    )
    """Each cycle is a point: else what is held would mostly be none."""

    def made(self, folder):
        return Server.make(folder)

    def enroll(self):
        with served(HOOK) as port:
            fetch = FETCH.format(host=HOST, port=port, to=f"{HOOKS}/{HOOK.name}")
            status, said = self.server.run(f"mkdir -p {HOOKS} && {fetch}")
        assert status == 0, said
        return super().enroll()


def _until(line, text):
    said = b""
    while text not in said:
        more = line.recv(4096)
        assert more, said
        said += more
    return said


def digests_of(path):
    """Of all blocks of a raw disk; its holes are not read."""
    size = path.stat().st_size
    told = [HOLE] * -(-size // BLOCK)
    with path.open("rb") as file:
        at = 0
        while (at := _next_data(file, at, size)) < size:
            file.seek(at)
            told[at // BLOCK] = _digest(file.read(BLOCK))
            at += BLOCK
    return told


def _next_data(file, at, size):
    """Where the block begins that has the next data."""
    try:
        return os.lseek(file.fileno(), at, os.SEEK_DATA) // BLOCK * BLOCK
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return size


def _digest(block):
    return HOLE if block == ZEROS else xxhash.xxh3_128_digest(block)


def differing(image, truth):
    """The numbers of the blocks in which a point's image is not what the disk was."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp") as folder:
        socket = Path(folder) / "nbd"
        options = f"driver=qcow2,force-share=on,file.driver=file,file.filename={image}"
        serving = subprocess.Popen(["qemu-nbd", "-r", "-k", socket, "--image-opts", options])
        try:
            return _compared(eventually(lambda: _connected(socket), POINT_SECONDS), truth)
        finally:
            serving.kill()
            serving.wait()


def _connected(socket):
    """None until it is listened there, which is later than the socket is there."""
    handle = nbd.NBD()
    handle.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    try:
        handle.connect_uri(f"nbd+unix:///?socket={socket}")
    except nbd.Error:
        return None
    return handle


def _compared(handle, truth):
    size, wrong = handle.get_size(), []
    assert -(-size // BLOCK) == len(truth)
    for at in range(0, size, PART):
        part = range(at // BLOCK, -(-min(at + PART, size) // BLOCK))
        data = None if _is_hole(handle, at, min(PART, size - at)) else handle.pread(min(PART, size - at), at)
        for number in part:
            begin = number * BLOCK - at
            found = HOLE if data is None else _digest(bytes(data[begin : begin + BLOCK]))
            if found != truth[number]:
                wrong.append(number)
    return wrong


def _is_hole(handle, at, length):
    """Whether there is nothing but zeros, as the image itself says."""
    told = []
    handle.block_status(length, at, lambda *words: told.append(words[2]))
    extent, state = told[0][:2]
    return extent >= length and bool(state & nbd.STATE_ZERO)


def check_file_system(image, kind):
    """What its own checker says after the kernel has mounted it once, as a start does; empty if it is
    whole."""
    with tempfile.TemporaryDirectory(prefix="ss-", dir="/var/tmp") as folder:
        raw, mount = Path(folder) / "raw", Path(folder) / "mount"
        mount.mkdir()
        images.qemu_img("convert", "-U", "-O", "raw", image, raw, within_seconds=600)
        at = XFS_AT if kind == "xfs" else ROOT_AT
        words = ["losetup", "-f", "--show", "-o", str(at), str(raw)]
        device = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        try:
            subprocess.run(["mount", device, mount], check=True)
            subprocess.run(["umount", mount], check=True)
            checker = ["xfs_repair", "-n"] if kind == "xfs" else ["e2fsck", "-fn"]
            done = subprocess.run([*checker, device], capture_output=True, text=True, check=False)
            return done.stdout + done.stderr if done.returncode else ""
        finally:
            subprocess.run(["losetup", "-d", device], check=True)
