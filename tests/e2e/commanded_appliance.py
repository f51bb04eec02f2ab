"""The appliance as `secondsite appliance run` runs it, and a socket for what only the holder of its root can
do.

python -m tests.e2e.commanded_appliance HOME SOCKET
"""

import contextlib
import json
import os
import signal
import socketserver
import sys
import threading
import uuid
from pathlib import Path

import libvirt_qemu

from rig.answering import answer
from secondsite.appliance.process import Appliance
from secondsite.entry import appliance_main
from secondsite.entry import main as console_script
from secondsite.fabrics.libvirt.agent import guest
from secondsite.fabrics.libvirt.host import connection, domain_xml, inventory
from secondsite.fabrics.libvirt.host.connection import Hypervisor
from secondsite.ground import seams
from secondsite.wire.control import Order


class Commanded(Appliance):
    """An appliance that also does what a test asks, one thing after the other in one thread."""

    def start(self):
        super().start()
        self._held = contextlib.ExitStack()
        uri = json.loads((self.config.home / appliance_main.FABRIC_FILE).read_text())["uri"]
        self._libvirt = Hypervisor(uri)
        server = socketserver.UnixStreamServer(sys.argv[2], self._handler())
        threading.Thread(target=server.serve_forever, name="commands", daemon=True).start()

    def hold(self, machines, seconds):
        """The machines stand still from now on."""
        return self._held.enter_context(self.fabric.common_pause.pause(machines, seconds)).isoformat()

    def release(self):
        self._held.close()

    def order(self, kind, machine_id, payload):
        report = self.perform(
            Order(
                order_id=uuid.uuid4().hex,
                kind=kind,
                machine_id=machine_id,
                payload=payload,
                deadline_seconds=60,
            )
        )
        return report.model_dump(mode="json")

    def in_guest(self, machine, line):
        """A shell command inside a guest with an agent."""
        arguments = {"path": "/bin/sh", "arg": ["-c", line]}
        asked = json.dumps({"execute": "guest-exec", "arguments": arguments})
        return connection.agent_command(self._libvirt.domain(machine), asked, 5)

    def said_in_guest(self, name, line):
        """What a shell command says inside a guest with an agent."""
        domain = self._libvirt.handle.lookupByName(name)
        return guest.run(domain, "/bin/sh", ["-c", line], 60).decode(errors="replace")

    def die_at(self, seam):
        """kill -9 to this process, the next time that it passes this seam."""
        seams.arm(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == seam else None)

    def power(self, machine):
        return self.fabric.power.state(machine).value

    def switch_on(self, machine):
        """As its owner does."""
        self.fabric.power.start(machine)

    def disks(self, machine):
        """Path and format of each disk, as the machine is defined."""
        found = self.fabric.inventory.get(machine)
        assert found is not None, f"there is no machine {machine}"
        return [(disk.path, disk.format) for disk in found.definition.disks]

    def stands_on(self, name):
        """The files and devices of a machine's disks: as it runs, and as it is defined."""
        domain = self._libvirt.handle.lookupByName(name)
        texts = (inventory.live_xml(domain), inventory.definition_xml(domain))
        return [[disk.path for disk in domain_xml.disks(domain_xml.parse(text))] for text in texts]

    def shut_down(self, name):
        """As its owner does inside."""
        return self.fabric.power.shut_down(self._libvirt.handle.lookupByName(name).UUIDString(), 60)

    def start_again(self, name):
        self.fabric.power.start(self._libvirt.handle.lookupByName(name).UUIDString())

    def checkpoints(self, machine):
        return [each.getName() for each in self._libvirt.domain(machine).listAllCheckpoints()]

    def bitmaps(self, machine):
        """Names of the dirty bitmaps on the disks of a machine that runs."""
        command = json.dumps({"execute": "query-block"})
        said = json.loads(libvirt_qemu.qemuMonitorCommand(self._libvirt.domain(machine), command, 0))
        inserted = [each["inserted"] for each in said["return"] if "inserted" in each]
        return [bitmap.get("name", "") for each in inserted for bitmap in each.get("dirty-bitmaps", ())]

    def tag(self, machine):
        found = self.fabric.inventory.get(machine)
        assert found is not None, f"there is no machine {machine}"
        return found.tag

    def _handler(self):
        appliance = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    self.wfile.write(answer(appliance, line).encode() + b"\n")

        return Handler


if __name__ == "__main__":
    os.umask(console_script.PRIVATE)
    vars(appliance_main)["Appliance"] = Commanded
    Path(sys.argv[2]).unlink(missing_ok=True)
    appliance_main.run(Path(sys.argv[1]))
