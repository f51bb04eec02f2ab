"""A site of machines with agents, and one of simulated machines. The machine is played by this host: its
disks are loop devices, and its agent follows nothing else."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rig import images
from rig.agent_machines import PROGRAM, LoopDisk, is_built, run
from rig.agent_sites import AgentSites
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground import threads
from secondsite.ground.units import MiB, TiB
from tests.support import policies

PATIENCE = 60.0
needs_agent = pytest.mark.skipif(
    not is_built(), reason="the agent is not built, or changed; next: ./dev agent"
)
NAME = socket.gethostname()
HARDWARE = "aaaaaaaa-0000-0000-0000-00000000000a"
OTHER_SERVER = "bbbbbbbb-0000-0000-0000-00000000000b"


class Machine:
    """One that has an agent."""

    def __init__(self, folder, port, size=96 * MiB):
        self.folder, self.port = folder, port
        folder.mkdir()
        self.disk: Any = LoopDisk(folder, "disk", size=size).make()
        self.process: Any = None
        self.agent_id = ""
        self.hardware = HARDWARE

    @property
    def options(self):
        return ["--state", self.folder / "state"]

    def enroll(self, rig):
        key = rig.agent_key()
        words = ["enroll", *self.options, "--appliance", f"127.0.0.1:{self.port}", key]
        subprocess.run([PROGRAM, *words], check=True, timeout=PATIENCE)

    def start(self, hardware=None):
        """`hardware`: what its product UUID is."""
        loops = ["--loops", self.disk.name, "--only-loops", "--hardware", hardware or self.hardware]
        self.process = subprocess.Popen([PROGRAM, "run", *self.options, *loops])

    def stop(self):
        """It is off: nothing of it runs, or is mounted."""
        process, self.process = self.process, None
        process.terminate()
        process.wait(PATIENCE)
        run("umount", str(self.disk.mount))
        self.disk.mounted = False

    def rescue(self, rig, agent_id, key=""):
        """It starts from the rescue system, with a key of its own."""
        state = self.folder / "rescue"
        key = key or rig.agent_key(agent_id, "rescue")
        enroll = ["enroll", "--state", state, "--appliance", f"127.0.0.1:{self.port}", key]
        subprocess.run([PROGRAM, *enroll], check=True, timeout=PATIENCE)
        self.rescue_again()

    def rescue_again(self):
        """Its rescue system, which was away, is back."""
        loops = ["--loops", self.disk.name, "--only-loops", "--program-ends", "--hardware", self.hardware]
        self.process = subprocess.Popen([PROGRAM, "rescue", "--state", self.folder / "rescue", *loops])

    def starts_once_rescued(self):
        """When its rescue system ends, it starts from its own disk."""
        rescue = self.process

        def follow():
            rescue.wait(PATIENCE)
            self.start()

        threads.worker("restart", follow).start()

    def content(self):
        return b"".join(self.disk.content())

    def kill(self):
        process, self.process = self.process, None
        process.kill()
        process.wait(PATIENCE)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        if self.disk is not None:
            self.disk.close()
            self.disk = None


@contextlib.contextmanager
def agent_site(fabric="simulated", registers_seconds=None):
    """The rig, and a machine whose agent is connected."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ss", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        rig = stack.enter_context(AgentSites(fabric, folder, True, registers_seconds))
        with rig.open().client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        if fabric == "simulated":  # the machine has as much as this host
            simulated.give_host_memory(rig.home("appliance-b") / "fabric", TiB)
        machine = Machine(folder / "machine", rig.agents_port)
        stack.callback(machine.close)
        machine.enroll(rig)
        machine.start()
        [found] = eventually(lambda: discovered(rig), PATIENCE)
        machine.agent_id = found.fabric_id
        yield rig, machine


def discovered(rig):
    """What the vault knows of the machines at site a."""
    with rig.client() as vault:
        return vault.sites["a"].inventory().machines


def records_at(rig, point_id, name=NAME):
    """The numbers in the file of records at a point, after its file system was repaired from its journal."""
    replica = rig.replica_folder("b", rig.machine(name).id)
    [image] = images.point_disks(replica, point_id).values()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        raw = Path(folder) / "raw"
        images.qemu_img("convert", "-U", "-O", "raw", image, raw)
        device = subprocess.check_output(["losetup", "-f", "--show", raw], text=True).strip()
        try:
            mount = Path(folder) / "mount"
            mount.mkdir()
            subprocess.run(["mount", device, mount], check=True)
            try:
                return [int(line.split()[0]) for line in (mount / "records").read_text().splitlines()]
            finally:
                subprocess.run(["umount", mount], check=True)
        finally:
            subprocess.run(["losetup", "-d", device], check=True)
