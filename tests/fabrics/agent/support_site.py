"""A site of machines with agents as the conformance suite wants one: real agents over the real link, each
with loop devices of its own, which are written past file systems."""

import mmap
import os
import secrets
import subprocess

from rig import loop_devices, processes
from rig.eventually import eventually
from secondsite.fabrics.agent import AgentFabric
from secondsite.fabrics.agent.link import AgentRefused, Agents
from secondsite.ground.units import MiB

from .support_link import PATIENCE, PROGRAM, Machine

STANDS_STILL_SECONDS = 1.0
FILING_BYTES = 64 * MiB
KEYS = ("sda", "sdb")
LOST = "The kernel counted"
"""So the agent says that its tracking missed a write, as on kernels that hide completions under load."""


class Watched:
    """The agents of an appliance; notes when one of them found that its tracking had missed a write."""

    def __init__(self, agents, missed):
        self._agents, self._missed = agents, missed

    def __getattr__(self, name):
        return getattr(self._agents, name)

    def ask(self, agent_id, do, seconds, /, **words):
        try:
            return self._agents.ask(agent_id, do, seconds, **words)
        except AgentRefused as refused:
            self._missed.extend([refused.message] * (LOST in refused.message))
            raise


class SiteMachine(Machine):
    """One with a name of its own."""

    def __init__(self, folder, name, sizes):
        self.name, self.mounted = name, False
        super().__init__(folder)
        files = [self.folder / f"disk{number}.raw" for number in range(len(sizes))]
        for file in files:
            file.touch()
        # An agent tells its disks by name.
        self.disks = sorted(map(loop_devices.begin, files), key=lambda each: each.name)
        self.files = [loop_devices.file_of(each) for each in self.disks]
        for device, file, size in zip(self.disks, self.files, sizes, strict=True):
            loop_devices.grow(device, file, size)

    def run(self, verb="run"):
        names = ",".join(disk.name for disk in self.disks)
        run = f"{PROGRAM} {verb} --state {self.state} --loops {names} --only-loops"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--uts", "sh", "-c", f"hostname {self.name} && exec {run}"], stderr=log
            )
        return self

    @property
    def point(self):
        return self.folder / "mount"

    def mount(self):
        self.point.mkdir()
        for words in (["mkfs.ext4", "-q", "-F", self.disks[0]], ["mount", self.disks[0], self.point]):
            subprocess.run(words, check=True, timeout=PATIENCE)
        self.mounted = True

    def close(self):
        super().close()
        if self.mounted:
            eventually(lambda: subprocess.run(["umount", self.point], check=False).returncode == 0, PATIENCE)
        for device in self.disks:
            loop_devices.end(device)


class AgentSite:
    """Fulfils conformance.FabricUnderTest."""

    obeys_shutdown = keeps_bitmaps = True
    has_files = proves_rest = False

    def __init__(self, root, link=None):
        """With a link its appliance stands at the far end, and its machines at the near one."""
        self.root, self.machines, self.link = root, {}, link
        self.host = link.far if link else "127.0.0.1"
        self.scratch_dir = root / "scratch"
        self.scratch_dir.mkdir()
        self.port = processes.free_port()
        self.writers, self.missed = [], []
        self._open()

    def _open(self):
        agents = self.link.call(self._listening) if self.link else self._listening()
        self.agents = Watched(agents, self.missed)
        self.fabric = AgentFabric(self.agents, self.root / "work", agents.close)

    def _listening(self):
        agents = Agents(self.root / "home" / "agents", (self.host, self.port))
        agents.start()
        return agents

    def close(self):
        for machine in self.machines.values():
            machine.close()
        for writer in self.writers:
            writer.wait(PATIENCE)
        self.fabric.close()

    def missed_writes(self):
        """Whether any did since this was asked last."""
        found = bool(self.missed)
        self.missed.clear()
        return found

    def reopen(self):
        self.fabric.close()
        self._open()
        running = [each for each, machine in self.machines.items() if machine.process.poll() is None]
        eventually(lambda: self._connected() >= {*running}, PATIENCE)

    def back(self, fabric_id):
        """The appliance was gone; this agent is with it again."""
        self._open()
        self.wait_for(fabric_id)

    def wait_for(self, fabric_id):
        eventually(lambda: fabric_id in self._connected(), PATIENCE)

    def _connected(self):
        return {each.agent_id for each in self.agents.known() if each.connected}

    def make_machine(self, name, disks_bytes):
        return self._begun(SiteMachine(self.root, f"{name}-{secrets.token_hex(3)}", disks_bytes))

    def make_filing_machine(self, name):
        machine = SiteMachine(self.root, f"{name}-{secrets.token_hex(3)}", [FILING_BYTES])
        machine.mount()
        return self._begun(machine)

    def _begun(self, machine):
        self.machines[machine.name] = machine
        said = machine.enroll(self.port, self.agents.new_key(), self.host)
        assert said.returncode == 0, said
        fabric_id = said.stdout.split("enrolled as ")[1].split(",")[0]
        self.machines[fabric_id] = self.machines.pop(machine.name)
        self._run(fabric_id)
        return fabric_id

    def _run(self, fabric_id):
        self.machines[fabric_id].run()
        self.wait_for(fabric_id)

    def switch_on(self, fabric_id):
        if self.machines[fabric_id].process.poll() is not None:
            self._run(fabric_id)
        self.fabric.power.start(fabric_id)

    def kill(self, fabric_id):
        self.machines[fabric_id].kill()

    def write(self, fabric_id, disk_key, offset, data):
        buffer = mmap.mmap(-1, len(data))
        buffer.write(data)
        device = self.machines[fabric_id].disks[KEYS.index(disk_key)]
        opened = os.open(device, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
        try:
            assert os.pwrite(opened, buffer, offset) == len(data)
        finally:
            os.close(opened)

    def stands_still(self, fabric_id):
        writer = subprocess.Popen(["sh", "-c", f"echo more >> {self.machines[fabric_id].point}/written"])
        self.writers.append(writer)
        try:
            return bool(writer.wait(STANDS_STILL_SECONDS))
        except subprocess.TimeoutExpired:
            return True

    def resize(self, fabric_id, disk_key, size_bytes):
        """An agent follows disks as they were when it started."""
        machine, number = self.machines[fabric_id], KEYS.index(disk_key)
        loop_devices.grow(machine.disks[number], machine.files[number], size_bytes)
        machine.kill()
        eventually(lambda: fabric_id not in self._connected(), PATIENCE)
        self._run(fabric_id)
