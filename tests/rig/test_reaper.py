"""Orphans of a command that runs under the reaper are gone as soon as they end."""

import signal
import subprocess
import sys
import time

from rig import processes
from rig.eventually import eventually

ORPHAN = """
import os, sys, time
if (between := os.fork()) == 0:
    if (orphan := os.fork()) == 0:
        time.sleep(0.2)
        os._exit(0)
    open(sys.argv[1], "w").write(str(orphan))
    os._exit(0)
os.waitpid(between, 0)
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    try:
        os.kill(int(open(sys.argv[1]).read()), 0)
    except ProcessLookupError:
        sys.exit(7)
    time.sleep(0.01)
sys.exit(1)
"""


def reaped(*command):
    return subprocess.Popen(
        [sys.executable, "-m", "rig.reaper", *command], env=processes.environment(), start_new_session=True
    )


def test_an_orphan_that_ends_is_gone_while_the_command_runs_and_the_exit_code_is_the_commands(tmp_path):
    began = time.monotonic()
    assert reaped(sys.executable, "-c", ORPHAN, str(tmp_path / "pid")).wait(30) == 7
    assert time.monotonic() - began < 15


def test_a_termination_reaches_the_command(tmp_path):
    running = reaped("sh", "-c", f"touch {tmp_path / 'began'}; exec sleep 60")
    eventually((tmp_path / "began").exists)
    running.send_signal(signal.SIGTERM)
    assert running.wait(30) == 128 + signal.SIGTERM
