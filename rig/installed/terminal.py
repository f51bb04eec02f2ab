"""A terminal at a host: commands are typed as a person types them, and what asks is answered."""

import errno
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping

from rig.installed.host import AT_A_LOGIN, Host
from rig.processes import DidNotStart

LINES, COLUMNS = 50, 200
WITH_A_TERMINAL = ("setsid", "--ctty", "--wait")


class Terminal:
    """What is exported counts for all that is typed later. `answers`: what is typed where a command asks, by
    an expression that finds the question."""

    def __init__(self, host: Host, answers: Mapping[str, str]) -> None:
        self.host, self.answers = host, dict(answers)
        self._exported: list[str] = []

    def type(self, line: str, within_seconds: float = 600) -> str:
        """What the command showed. Raises DidNotStart if it failed, or did not end in time."""
        if line.startswith("export "):
            self._exported.append(line)
            return ""
        own, other = os.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        words = self.host.entering("sh", "-euc", "\n".join([*self._exported, line]))
        typed = subprocess.Popen(
            [*WITH_A_TERMINAL, *words], stdin=other, stdout=other, stderr=other, env=AT_A_LOGIN, cwd="/"
        )
        os.close(other)
        try:
            shown = self._answered(own, time.monotonic() + within_seconds)
            code = typed.wait(timeout=30)
        finally:
            typed.kill()
            typed.wait()
            os.close(own)
        if code != 0:
            raise DidNotStart(f"{self.host.name}: '{line}' ended with {code}:\n{shown}")
        return shown

    def _answered(self, own: int, deadline: float) -> str:
        shown, since = "", 0
        for part in _read(own, deadline):
            shown += part
            for question, answer in self.answers.items():
                if re.search(question, shown[since:]):
                    os.write(own, f"{answer}\n".encode())
                    since = len(shown)
        if time.monotonic() >= deadline:
            raise DidNotStart(f"{self.host.name}: did not end in time:\n{shown}")
        return shown.replace("\r\n", "\n")


def _read(own: int, deadline: float) -> Iterator[str]:
    """What is shown, until the terminal is closed there, or the deadline."""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([own], [], [], left)[0]:
            return
        try:
            part = os.read(own, 65_536)
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            return
        yield part.decode(errors="replace")
