"""An embedded root whose process is killed and started again, with one machine that outlives it."""

import json
import socket
from pathlib import Path
from typing import Any

from rig import capabilities, processes
from rig.asked import AskedProcess

PROGRAM = "rig.hosts.program"
MONITOR_SECONDS = 10


class HeldRoot:
    """`root` is an existing folder of a short name. `machine` is the one that was defined last, `process`
    who drives it."""

    def __init__(self, root: Path, view_kind: str = "backup-job") -> None:
        self.root = root
        self.view_kind = view_kind
        for name in ("scratch", "images"):
            (root / name).mkdir()
        capabilities.lend(root)
        self.machine = ""
        self.process = self._started()

    def define(self, xml: str) -> str:
        """Define and start a machine; its fabric id."""
        self.machine = self.ask("define", xml=xml)
        self.ask("start", machine=self.machine)
        return self.machine

    def ask(self, do: str, **arguments: Any) -> Any:
        """What the process that drives the root gives; see rig.hosts.program."""
        return self.process.ask(do, **arguments)

    def kill(self) -> None:
        """kill -9 of the process; nobody drives the root then."""
        self.process.kill()

    def open(self) -> None:
        """Start a process where nobody drives the root."""
        self.process = self._started()

    def reopen(self) -> None:
        """Kill the process and start another on the same root."""
        self.kill()
        self.open()

    def end(self) -> None:
        """Nothing runs any longer; the files are the caller's."""
        self.kill()
        processes.kill_folder(self.root)
        capabilities.keep(self.root)

    def _started(self) -> AskedProcess:
        process = AskedProcess(PROGRAM, [self.root, self.view_kind], self.root / "process.log")
        process.wait_until_ready()
        return process

    # -- the machine -----------------------------------------------------------------------------------

    @property
    def qemu(self) -> int:
        """The pid of the QEMU that runs a machine named 'a'."""
        return int((self.root / "run" / "qemu" / "a.pid").read_text())

    def monitor_of_nobody(self, *commands: str | dict[str, Any]) -> Any:
        """Speaks to QEMU while no process drives the root; the last answer."""
        monitor = next((self.root / "lib" / "qemu").glob("domain-*/monitor.sock"))
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(MONITOR_SECONDS)
            talk.connect(str(monitor))
            stream = talk.makefile("rw")
            assert "QMP" in stream.readline()
            for command in ("qmp_capabilities", *commands):
                asked = command if isinstance(command, dict) else {"execute": command}
                stream.write(json.dumps(asked) + "\n")
                stream.flush()
                answer = json.loads(stream.readline())
                while "return" not in answer and "error" not in answer:  # an event
                    answer = json.loads(stream.readline())
            return answer["return"]

    def write_block_of_nobody(self, block: int) -> None:
        """Write to a block of 64 KiB while no process drives the root."""
        command = (
            f'qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend "write -P 7 {block * 65536} 4096"'
        )
        self.monitor_of_nobody({"execute": "human-monitor-command", "arguments": {"command-line": command}})

    def cycle(self, base: str | None, name: str, keep: bool = True) -> dict[str, Any]:
        """A view from one checkpoint to a new one: its 'bitmaps' and 'dirty' blocks; acknowledged, unless
        it is not to be kept."""
        view: dict[str, Any] = self.ask("open_view", machine=self.machine, base=base, name=name)
        self.ask("close_view")
        if keep:
            self.ask("acknowledge", machine=self.machine, keep=name)
        return view
