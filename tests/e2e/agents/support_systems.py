"""Whole systems under plain QEMU, protected by their agents; points are judged by the machine as it stood.

A point's instant lies within the freeze. So the agent is held there, at a seam; QEMU pauses the machine, and
its disks are read from outside. That counts only if the agent was still held when the machine had paused."""

import contextlib
import re
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import nbd
import xxhash

from demo.physical import BOOT_SECONDS, HOST, served
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
    "systemd-run --unit=trial /root/secondsite-agent run --thaw-after 50s --seams {seams}"
)
HOLD = (
    f"touch {SEAMS}/read; echo AR''MED; until [ -e {SEAMS}/read.reached ]; do sleep 0.05; done; echo HE''LD; "
    f"sleep 5; echo LET''GO; sleep 1; rm {SEAMS}/read.reached {SEAMS}/read"
)
"""The line is echoed before it is run: so no word that is waited for stands in it."""
LOAD = r"""cat >/usr/local/sbin/load <<'END'
i=0
while :; do
    i=$((i + 1))
    dd if=/dev/urandom of=/var/tmp/load-$((i % 60)) bs=4k count=$((i * 7 % 300 + 1)) conv=fsync,notrunc
    [ $((i % 5)) = 0 ] && rm -f /var/tmp/load-$((i * 3 % 60))
    cp -r /etc /var/tmp/etc-$((i % 4))
    rm -rf /var/tmp/etc-$(((i + 2) % 4))
    echo $i >>/var/tmp/numbers
    sync /var/tmp/numbers
done
END
systemd-run --unit=load sh /usr/local/sbin/load"""
ZEROS = bytes(BLOCK)
HOLE = xxhash.xxh3_128_digest(ZEROS)
ROOT_AT = systems.ROOT_AT_MIB * MiB
XFS_AT = ROOT_AT + MiB
"""Behind what LVM notes on its only partition."""


class Judged:
    """A system that runs, and what was seen of it."""

    def __init__(self, rig, folder, name):
        self.rig, self.name = rig, name
        self.server = Server.make(folder / name, (systems.disk(name),), bus="virtio")
        self.server.switch_on("-qmp", f"unix:{self.server.folder}/qmp,server=on,wait=off")
        self.boot_seconds = self.server.wait_for(b"READY", systems.BUILD_SECONDS)
        self.qmp = QmpClient(self.server.folder / "qmp")
        self.figures = []
        self.vault_name = "whole"
        self.window = None

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
            vault.policies.create(**policies.quick(name=self.name, cycle_seconds=3).model_dump())
        request = rest.EnableProtection(
            machines=(self.vault_name,), source_site="a", target_site="b", policy=self.name
        )
        self.rig.must(Verb.ENABLE_PROTECTION, request, COPY_SECONDS)
        self.rig.wait_for(self.vault_name, lambda m: m.points.count > 0, COPY_SECONDS)

    def load(self):
        status, said = self.server.run(LOAD)
        assert status == 0, said

    def held(self):
        """The digests of its disk as it stood at an instant, and the point of that instant; None if it was
        let go too early to tell."""
        with self.server.line(POINT_SECONDS) as line:
            line.sendall(f"{HOLD}\n".encode())
            said = _until(line, b"ARMED")
            armed_at = datetime.now(UTC)
            said += _until(line, b"HELD")
            began = time.monotonic()
            self.qmp.command("stop")
            held_at, slow = datetime.now(UTC), time.monotonic() - began > HELD_SECONDS
            line.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                said += line.recv(4096)
            truth = None if slow or b"LETGO" in said else digests_of(self.server.disks[0])
            self.qmp.command("cont")
            paused = time.monotonic() - began
            line.settimeout(POINT_SECONDS)
            while not re.search(rb"END (\d+)\r?\n", said):
                said += line.recv(4096)
        if truth is None:
            return None
        eventually(lambda: self._points(held_at, datetime.max.replace(tzinfo=UTC)), POINT_SECONDS)
        self.figures.append(paused)
        points = self._points(armed_at, held_at)
        self.window = armed_at, held_at, [each.taken_at for each in points]
        return (points[0], truth) if points else None

    def _points(self, after, until):
        """Whose freeze began then: between arming and holding only the one that was held."""
        return [p for p in self.rig.points(self.vault_name) if after < p.taken_at <= until]

    def image(self, point):
        replica = self.rig.replica_folder("b", self.rig.machine(self.vault_name).id)
        [image] = images.point_disks(replica, point.id).values()
        return image

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


def _until(line, text):
    said = b""
    while text not in said:
        more = line.recv(4096)
        assert more, said
        said += more
    return said


def digests_of(path):
    """Of all blocks of a raw disk."""
    with path.open("rb") as file:
        return [_digest(block) for block in iter(lambda: file.read(BLOCK), b"")]


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
    try:
        handle.connect_uri(f"nbd+unix:///?socket={socket}")
    except nbd.Error:
        return None
    return handle


def _compared(handle, truth):
    size, wrong = handle.get_size(), []
    assert -(-size // BLOCK) == len(truth)
    for at in range(0, size, 8 * MiB):
        data = handle.pread(min(8 * MiB, size - at), at)
        for begin in range(0, len(data), BLOCK):
            block = bytes(data[begin : begin + BLOCK])
            number = (at + begin) // BLOCK
            if _digest(block) != truth[number]:
                wrong.append(number)
    return wrong


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
