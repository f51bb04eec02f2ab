"""The process that drives an embedded root, and is killed: `python -m rig.hosts.program ROOT VIEW_KIND`.

It answers lines of JSON, see rig.answering.
"""

import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rig.answering import answer_all, take_answers
from secondsite.fabrics import interface
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt import open_fabric
from secondsite.fabrics.libvirt.host import connection, monitor
from secondsite.fabrics.libvirt.host.connection import Hypervisor, agent_command


class Commands:
    """What may be asked; all of it is done by the fabric, but for looks at what libvirt has."""

    def __init__(self, root: Path, view_kind: str) -> None:
        self.root = root
        self.fabric = open_fabric(f"qemu:///embed?root={root}", root / "work", view_kind=view_kind)
        self.connection = Hypervisor(f"qemu:///embed?root={root}")
        self.stack = contextlib.ExitStack()

    def define(self, xml: str) -> str:
        fabric_id: str = self.connection.handle.defineXML(xml).UUIDString()
        return fabric_id

    def start(self, machine: str) -> None:
        self.fabric.power.start(machine)

    def stop(self, machine: str) -> None:
        self.fabric.power.stop(machine)

    def state(self, machine: str) -> str:
        return self.fabric.power.state(machine).value

    def enable(self, machine: str, tag: str) -> None:
        self.fabric.tracking.enable(machine, tag)

    def disable(self, machine: str) -> None:
        self.fabric.tracking.disable(machine)

    def open_view(
        self,
        machine: str,
        base: str | None,
        name: str,
        disks: Sequence[str] = ("vda",),
        longest_seconds: float = 3600,
        trial: bool = False,
    ) -> dict[str, Any]:
        request = interface.SessionRequest(
            machine,
            tuple(disks),
            base,
            name,
            self.root / "scratch",
            longest_seconds=longest_seconds,
            trial=trial,
        )
        session = self.stack.enter_context(self.fabric.tracking.open(request))
        disk = session.disks[0]
        return {"bitmaps": disk.bitmaps, "dirty": sorted(steps.dirty_blocks(disk)) if disk.bitmaps else None}

    def stand_still_after(self, commands: int) -> None:
        """Stops for good as it is about to give QEMU one more command than so many."""
        left = itertools.count(commands, -1)

        def counted(*arguments: Any, **named: Any) -> str:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGSTOP)
            return said(*arguments, **named)

        said, connection.monitor_command = connection.monitor_command, counted

    def close_view(self) -> None:
        self.stack.close()

    def end_left_over(self, machine: str) -> None:
        self.fabric.tracking.end_left_over(machine)

    def write(self, machine: str, offset: int, length: int) -> None:
        """The guest writes and flushes."""
        device = "/machine/peripheral/virtio-disk0/virtio-backend"
        domain = self.connection.domain(machine)
        for command in (f"write -P 5 {offset} {length}", "flush"):
            line = f'qemu-io -d {device} "{command}"'
            arguments = {"command-line": line}
            monitor.execute(domain, "human-monitor-command", **arguments)

    def acknowledge(self, machine: str, keep: str) -> None:
        self.fabric.tracking.acknowledge(machine, keep)

    def hold(self, machine: str, budget: float) -> None:
        self.stack.enter_context(self.fabric.common_pause.pause([machine], budget))

    def freeze(self, machine: str) -> None:
        freezes = self.stack.enter_context(self.fabric.common_pause.freeze([machine]))
        assert freezes[machine].consistency == "app", freezes[machine].reason

    def is_frozen(self, machine: str) -> str:
        status = agent_command(self.connection.domain(machine), '{"execute": "guest-fsfreeze-status"}', 5)
        said: str = json.loads(status)["return"]
        return said

    def agent_is_connected(self, machine: str) -> bool:
        return "state='connected'" in self.connection.domain(machine).XMLDesc()

    def forget_checkpoints(self, machine: str) -> None:
        for checkpoint in self.connection.domain(machine).listAllCheckpoints():
            checkpoint.delete(2)

    def checkpoints(self, machine: str) -> list[str]:
        return sorted(one.getName() for one in self.connection.domain(machine).listAllCheckpoints())

    def remove(self, machine: str, tag: str) -> None:
        self.fabric.hosting.remove(machine, tag)


if __name__ == "__main__":
    answer_all(Commands(Path(sys.argv[1]), sys.argv[2]), take_answers())
