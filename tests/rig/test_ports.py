"""Ports that several processes of tests pick for what they start, and start again."""

import subprocess
import sys

from rig import processes


def test_a_port_that_was_picked_is_picked_by_nobody_else_though_nothing_listens():
    port = processes.free_port()
    ask = f"from rig import processes; print(processes._take({port}))"
    done = subprocess.run(
        [sys.executable, "-c", ask], env=processes.environment(), capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"
    assert port not in {processes.free_port() for _ in range(50)}
