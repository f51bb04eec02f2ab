"""Locks on files: one holder, and none that outlives its process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from secondsite.ground.lockfile import LockFile, take_record

HOLD = """
import sys, time
from pathlib import Path
from secondsite.ground.lockfile import LockFile
lock = LockFile(Path(sys.argv[1]))
assert lock.take()
lock.sign()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lock"


@pytest.fixture
def holder(path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_has_one_holder_and_names_it(path, holder):
    lock = LockFile(path)
    assert not lock.take()
    assert lock.signature() == str(holder.pid)


def test_a_killed_process_lets_go(path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    assert LockFile(path).take(within_seconds=10)


def test_who_waits_gives_up_in_time(path, holder):
    began = time.monotonic()
    assert not LockFile(path).take(within_seconds=0.3, look_every_seconds=0.01)
    assert 0.3 <= time.monotonic() - began < 5


def test_two_locks_of_one_process_keep_each_other_out_until_release(path):
    first, second = LockFile(path), LockFile(path)
    assert first.take()
    assert not second.take()
    first.release()
    first.release()
    assert second.take()


def test_those_that_share_it_keep_out_only_who_wants_it_alone(path):
    one, other, alone = LockFile(path), LockFile(path), LockFile(path)
    assert one.take(shared=True)
    assert other.take(shared=True)
    assert not alone.take()
    one.release()
    other.release()
    assert alone.take()


def test_a_lock_that_nobody_signed_is_of_somebody_unknown(path):
    lock = LockFile(path)
    assert lock.take()
    assert lock.signature() == "unknown"


def test_a_record_lock_keeps_another_process_out(path):
    taken = (
        "import sys; from secondsite.ground.lockfile import take_record; print(take_record(open(sys.argv[1], "
        "'a+')))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def other():
        command = [sys.executable, "-c", taken, path]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout

    with path.open("a+") as file:
        assert take_record(file)
        assert other() == "False\n"
    assert other() == "True\n"
