"""A process that answers lines of JSON (see rig.answering) on its standard input and output."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rig import processes
from rig.errors import NoAnswer

ANSWER_SECONDS = 120.0


class AskedProcess:
    """`python -m MODULE ARGUMENTS`, started here; it ends when its input does. Whatever it logs goes to
    `log`."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str | Path],
        log: Path,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`prefix`: words before the command, such as those that enter a namespace."""
        self.name = f"{module} {' '.join(map(str, arguments))}"
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-m", module, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                bufsize=0,
                env=processes.environment() | {"PYTHONFAULTHANDLER": "1"} | dict(environment or {}),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self, within_seconds: float = ANSWER_SECONDS) -> None:
        """Raises NoAnswer, and then nothing of it is left."""
        try:
            self.hear(within_seconds)
        except NoAnswer:
            self.kill()
            raise

    def ask(self, do: str, **arguments: Any) -> Any:
        """What the process's method gives. Raises NoAnswer, also for an error that it answers with."""
        answer = self.try_to(do, **arguments)
        if "ok" not in answer:
            raise NoAnswer(f"{self.name} could not {do}: {answer['error']}: {answer['message']}")
        return answer["ok"]

    def try_to(self, do: str, **arguments: Any) -> dict[str, Any]:
        """The answer as it is: with 'ok', or with 'error' and 'message'."""
        self.tell(do, **arguments)
        return self.hear()

    def tell(self, do: str, **arguments: Any) -> None:
        """Ask without waiting for the answer; `hear` gives it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")

    def hear(self, within_seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """The next answer. The stream is read unbuffered, so that waiting for it can have a deadline."""
        assert self._process.stdout is not None
        line = b""
        deadline = time.monotonic() + within_seconds
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                tail = self._log.read_text(errors="replace")[-2000:]
                raise NoAnswer(f"{self.name} gave no answer; its log {self._log} ends:\n{tail}")
            line += piece
        found: dict[str, Any] = json.loads(line)
        return found

    def wait(self, within_seconds: float | None = None) -> None:
        """Until it has ended; raises subprocess.TimeoutExpired."""
        self._process.wait(within_seconds)

    def terminate(self) -> None:
        """SIGTERM, without waiting. Its input ends too: a signal that comes just before the next read
        would be noticed only after it."""
        self._process.terminate()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def abort(self) -> str:
        """End a process that hangs; gives the end of its log, where it says what each of its threads was
        doing."""
        self._process.send_signal(signal.SIGABRT)
        self._process.wait(10)
        return self._log.read_text(errors="replace")[-20000:]

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._process.kill()
        self._process.wait(10)
        self._close_streams()

    def close(self, within_seconds: float = 15) -> None:
        """Ask it to end, by the end of its input; kill it when it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._close_streams()

    def _close_streams(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
