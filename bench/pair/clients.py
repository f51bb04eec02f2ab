"""Five clients that ask a vault for the same, over and over, each on a connection that it keeps.

Each is a process of its own: as threads of one they waited for each other's interpreter, and that stood in
the vault's figures.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.errors import NotMeasured
from bench.pair.client import ANSWER_SECONDS, READY
from bench.pair.paired_vault import PairedVault
from rig import processes

CLIENTS = 5
LEAST_ANSWERS = 20
"""Of fewer nothing can be said."""


@dataclass(slots=True)
class Asked:
    """How long each answer took, and how large the last one was."""

    seconds: list[float] = field(default_factory=list)
    size_bytes: int = 0

    @property
    def milliseconds(self) -> list[float]:
        return [1000 * each for each in self.seconds]


def asked(paired: PairedVault, path: str, meanwhile: Callable[[], object]) -> Asked:
    """What the clients saw as long as `meanwhile` lasted. Raises NotMeasured for too few answers."""
    found = Asked()
    with contextlib.ExitStack() as end:
        clients = [end.enter_context(_started(paired, path)) for _ in range(CLIENTS)]
        for each in clients:
            end.callback(each.kill)
            _require_ready(each, path)
        meanwhile()
        for each in clients:
            _add(found, each, path)
    if len(found.seconds) < LEAST_ANSWERS:
        raise NotMeasured(f"only {len(found.seconds)} answers to GET {path} came")
    return found


def _started(paired: PairedVault, path: str) -> subprocess.Popen[str]:
    home = paired.home("vault")
    command = [sys.executable, "-m", "bench.pair.client", f"{paired.url}{path}"]
    return subprocess.Popen(
        [*command, str(home / "token"), str(home / "pki" / "ca.pem")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=processes.environment(),
        text=True,
    )


def _require_ready(client: subprocess.Popen[str], path: str) -> None:
    assert client.stdout is not None
    if client.stdout.readline().strip() != READY:
        raise NotMeasured(f"a client that was to ask for {path} did not come in")


def _add(found: Asked, client: subprocess.Popen[str], path: str) -> None:
    """Ends it, and adds what it saw."""
    out, problem = client.communicate(timeout=ANSWER_SECONDS)
    if client.returncode != 0:
        raise NotMeasured(f"GET {path} {problem.strip()}")
    seen = json.loads(out)
    found.seconds.extend(seen["seconds"])
    found.size_bytes = max(found.size_bytes, seen["size_bytes"])
