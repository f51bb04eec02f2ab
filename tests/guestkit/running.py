"""Run a guest under a plain QEMU, and speak to its sockets."""

import json
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import guestkit


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    console: guestkit.Console
    qmp: Path
    agent: Path

    def press_power_button(self):
        ask(self.qmp, {"execute": "qmp_capabilities"}, {"execute": "system_powerdown"})

    def ask_agent(self, command):
        return ask(self.agent, {"execute": command})[0]["return"]


def ask(path, *requests):
    """The answers to requests on a QMP or guest agent socket; greetings and events are left out."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(15)
        connection.connect(str(path))
        lines = connection.makefile("rw")
        answers = []
        for request in requests:
            lines.write(json.dumps(request) + "\n")
            lines.flush()
            answers.append(next(a for a in map(json.loads, lines) if "return" in a or "error" in a))
        return answers


@contextmanager
def running(folder, disks, kind=guestkit.Kind.WRITER, **workload):
    """A guest that is killed at the end, if it still runs."""
    console = guestkit.Console(folder / "console.log")
    qmp, agent = folder / "qmp", folder / "agent"
    command = guestkit.qemu_arguments(
        guestkit.build(kind=kind),
        disks,
        console.path,
        workload=guestkit.Workload(**workload),
        qmp_socket=qmp,
        agent_socket=agent if kind is guestkit.Kind.AGENT else None,
    )
    process = subprocess.Popen(command)
    try:
        yield Running(process, console, qmp, agent)
    finally:
        process.kill()
        process.wait(10)
