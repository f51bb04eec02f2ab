"""A process that was killed counts as ended when nothing that it had open is locked any more."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from secondsite.ground.processes import ending

LOCK_AND_WAIT = """
import fcntl, sys, time
locked = open(sys.argv[1], "w")
fcntl.flock(locked, fcntl.LOCK_EX)
memory = bytearray(256 << 20)  # the kernel takes it back between the command line and the open files
memory[::4096] = b"x" * (len(memory) // 4096)
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "locked"


@pytest.fixture
def holder(path):
    """A process that keeps the file locked."""
    with subprocess.Popen([sys.executable, "-c", LOCK_AND_WAIT, str(path)], stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"locked\n"
        assert is_locked(path)
        yield one
        one.kill()


def is_locked(path):
    with path.open() as file, contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    return True


def is_known(pid, path):
    return str(path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_killed_process_has_let_its_locks_go(holder, path):
    assert ending.kill(holder.pid, lambda: is_known(holder.pid, path), 20)
    assert not is_locked(path)
    assert holder.wait(5) == -signal.SIGKILL


def test_the_end_of_a_process_that_somebody_else_killed_is_awaited(holder, path):
    os.kill(holder.pid, signal.SIGKILL)
    while is_known(holder.pid, path):
        continue
    assert ending.kill(holder.pid, lambda: is_known(holder.pid, path), 20)
    assert not is_locked(path)


def test_another_process_of_the_number_is_left_alone(holder, path):
    assert ending.kill(holder.pid, lambda: False, 20)
    assert is_locked(path)
    assert holder.poll() is None


def test_a_process_that_is_gone_has_ended(holder):
    holder.kill()
    holder.wait(20)
    assert ending.await_end(holder.pid, 0)
