"""A root whose processes are killed and started again, with one machine that outlives them."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.fabrics.libvirt.rig import (
    firmware_xml,
    keep_capabilities,
    kill_qemus_of,
    lend_capabilities,
    qemu_img,
)

TAG = "11111111-2222-4333-8444-555555555555"


class ApplianceProcess:
    """Asks tests/fabrics/libvirt/appliance_process.py; every answer has a deadline."""

    def __init__(self, root):
        program = Path(__file__).with_name("appliance_process.py")
        top = Path(__file__).resolve().parents[3]
        environment = os.environ | {"PYTHONPATH": f"{top / 'src'}:{top}"}
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, cwd=top,
        )  # fmt: skip
        self.wait_until_ready()

    def wait_until_ready(self):
        try:
            assert self._line() == "ready\n"
        except BaseException:
            self.kill()
            raise

    def ask(self, do, **arguments):
        answer = self.try_to(do, **arguments)
        assert "ok" in answer, answer
        return answer["ok"]

    def try_to(self, do, **arguments):
        self.tell(do, **arguments)
        return json.loads(self._line())

    def tell(self, do, **arguments):
        """Without waiting for the answer."""
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)
        self.process.stdin.close()
        self.process.stdout.close()

    def _line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        assert readable, "the process does not answer"
        return self.process.stdout.readline()


class Site:
    """A root that outlives its processes, with one machine."""

    def __init__(self, root):
        self.root = root
        for name in ("scratch", "images"):
            (root / name).mkdir()
        lend_capabilities(root)
        self.image = root / "images" / "a.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", str(self.image), "8M")
        self.appliance = ApplianceProcess(root)
        self.machine = self.appliance.ask("define", xml=firmware_xml("a", [self.image]))
        self.appliance.ask("start", machine=self.machine)
        self.appliance.ask("enable", machine=self.machine, tag=TAG)

    def new_appliance(self):
        """Kills the process and starts another on the same root."""
        self.appliance.kill()
        self.appliance = ApplianceProcess(self.root)

    @property
    def qemu(self):
        return int((self.root / "run" / "qemu" / "a.pid").read_text())

    def monitor_of_nobody(self, *commands):
        """Speaks to QEMU while no appliance process lives."""
        monitor = next((self.root / "lib" / "qemu").glob("domain-*/monitor.sock"))
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(10)
            talk.connect(str(monitor))
            stream = talk.makefile("rw")
            assert "QMP" in stream.readline()
            for command in ("qmp_capabilities", *commands):
                stream.write(
                    json.dumps(command if isinstance(command, dict) else {"execute": command}) + "\n"
                )
                stream.flush()
                while True:
                    answer = json.loads(stream.readline())
                    if "return" in answer or "error" in answer:
                        break
            return answer["return"]

    def write_block_without_appliance(self, block):
        command = (
            f'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write -P 7 {block * 65536} 4096"'
        )
        self.monitor_of_nobody({"execute": "human-monitor-command", "arguments": {"command-line": command}})

    def cycle(self, base, name, keep=True):
        view = self.appliance.ask("open_view", machine=self.machine, base=base, name=name)
        self.appliance.ask("close_view")
        if keep:
            self.appliance.ask("acknowledge", machine=self.machine, keep=name)
        return view

    def end(self):
        self.appliance.kill()
        kill_qemus_of(self.root)
        keep_capabilities(self.root)
