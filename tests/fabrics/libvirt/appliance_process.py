"""A process that opens a root, does what the test asks in one line of JSON at a time, and is killed by the test.

Requests are {"do": name, ...}; each answer is one line of JSON.
"""

import contextlib
import json
import sys
from pathlib import Path

from secondsite.domain import errors
from secondsite.fabrics import interface
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt import open_fabric
from secondsite.fabrics.libvirt.connection import Connection, agent_command


class Commands:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.fabric = open_fabric(f"qemu:///embed?root={root}", root / "work")
        self.connection = Connection(f"qemu:///embed?root={root}")
        self.stack = contextlib.ExitStack()
        self.session = None

    def define(self, xml):
        return self.connection.handle.defineXML(xml).UUIDString()

    def start(self, machine):
        self.fabric.power.start(machine)

    def stop(self, machine):
        self.fabric.power.stop(machine)

    def state(self, machine):
        return self.fabric.power.state(machine).value

    def enable(self, machine, tag):
        self.fabric.tracking.enable(machine, tag)

    def open_view(self, machine, base, name, disks=("vda",)):
        request = interface.SessionRequest(machine, tuple(disks), base, name, self.root / "scratch")
        self.session = self.stack.enter_context(self.fabric.tracking.open(request))
        disk = self.session.disks[0]
        return {"bitmaps": disk.bitmaps, "dirty": sorted(steps.dirty_blocks(disk)) if disk.bitmaps else None}

    def close_view(self):
        self.stack.close()

    def acknowledge(self, machine, keep):
        self.fabric.tracking.acknowledge(machine, keep)

    def hold(self, machine, budget):
        self.stack.enter_context(self.fabric.quiescing.hold([machine], budget))

    def freeze(self, machine):
        freezes = self.stack.enter_context(self.fabric.quiescing.freeze([machine]))
        assert freezes[machine].consistency == "app", freezes[machine].reason

    def is_frozen(self, machine):
        status = agent_command(self.connection.domain(machine), '{"execute": "guest-fsfreeze-status"}', 5)
        return json.loads(status)["return"]

    def agent_is_connected(self, machine):
        return "state='connected'" in self.connection.domain(machine).XMLDesc()

    def forget_checkpoints(self, machine):
        for checkpoint in self.connection.domain(machine).listAllCheckpoints():
            checkpoint.delete(2)

    def checkpoints(self, machine):
        return sorted(one.getName() for one in self.connection.domain(machine).listAllCheckpoints())

    def remove(self, machine, tag):
        self.fabric.hosting.remove(machine, tag)


def main():
    commands = Commands(Path(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(commands, request.pop("do"))(**request)}
        except errors.SecondsiteError as error:
            answer = {"error": error.code, "message": error.message}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
