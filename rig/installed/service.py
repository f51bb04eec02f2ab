"""One of our services on an installed host: what a rig does with its processes, done as an operator does
it."""

import contextlib
from dataclasses import dataclass

from rig.eventually import eventually
from rig.installed.host import Host

READY = "ready"


@dataclass(slots=True)
class Service:
    """A unit, such as `secondsite-vault`. To start it switches its host on first."""

    host: Host
    unit: str

    @property
    def name(self) -> str:
        return f"{self.unit.removeprefix('secondsite-')}@{self.host.name}"

    def start(self, within_seconds: float = 60) -> None:
        """Returns once it says that it is ready."""
        self.host.power_on()
        self.host.must("systemctl", "enable", "--now", self.unit)
        eventually(self._is_ready, within_seconds)

    def stop(self) -> None:
        if self.host.is_on:
            self.host.must("systemctl", "stop", self.unit)

    def kill(self) -> None:
        """SIGKILL, and it stays off until it is started."""
        if self.host.is_on:
            self.host.run("systemctl", "kill", "--signal=KILL", self.unit)
            self.host.must("systemctl", "stop", self.unit)

    @property
    def is_alive(self) -> bool:
        return self.host.is_on and self.host.run("systemctl", "is-active", self.unit).returncode == 0

    @property
    def pid(self) -> int:
        """As its host counts."""
        return int(self.host.must("systemctl", "show", "--property=MainPID", "--value", self.unit))

    def log(self) -> str:
        """Since the host was started last."""
        with contextlib.suppress(FileNotFoundError):
            return self.host.run("journalctl", "-b", "-u", self.unit, "--no-pager", "-o", "cat").stdout
        return ""

    def _is_ready(self) -> bool:
        invocation = self.host.run(
            "systemctl", "show", "--property=InvocationID", "--value", self.unit
        ).stdout.strip()
        said = self.host.run(
            "journalctl", f"_SYSTEMD_INVOCATION_ID={invocation}", "--no-pager", "-o", "cat"
        ).stdout
        return any(line.startswith(("vault ready", "appliance ready")) for line in said.splitlines())
