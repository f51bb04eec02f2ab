"""A machine whose start or stop was cut off by a kill is never stuck; a QEMU that hangs is ended in
seconds."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.libvirt.host import emulator
from secondsite.ground import lockfile
from tests.fabrics.libvirt.support_held import TAG

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest]

ROUNDS = 6
WIDEST_SECONDS = 0.3
"""A start takes about as long."""

UNBORN = """
import fcntl, os, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX, 1, 0)
print(os.getpid(), file=file, flush=True)
print("locked", flush=True)
time.sleep(300)
"""


@pytest.fixture
def frozen_qemu(held):
    """The machine's QEMU stands still: its monitor takes connections and answers none."""
    pid = held.qemu
    os.kill(pid, signal.SIGSTOP)
    yield pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def at_most(seconds):
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def status_of(held):
    return held.root / "run" / "qemu" / "a.xml"


def pid_file(held):
    return status_of(held).with_suffix(".pid")


def rewrite_status(held, state, reason, pid=None):
    """As a driver leaves it that is killed in the middle."""
    path = status_of(held)
    head = f"<domstatus state='{state}' reason='{reason}' pid='{held.qemu if pid is None else pid}'>"
    path.write_text(re.sub(r"<domstatus [^>]*>", head, path.read_text(), count=1))


def is_alive(pid):
    return bool(emulator.command_line(pid))


def end_qemu(held):
    pid = held.qemu
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_alive(pid))


@pytest.mark.parametrize("verb", ["start", "remove"])
def test_a_start_cut_off_before_qemu_had_a_number_locks_nothing(held, verb):
    held.kill()
    end_qemu(held)
    rewrite_status(held, "paused", "starting up", pid=0)
    held.open()
    with at_most(15):
        if verb == "start":
            held.ask("start", machine=held.machine)
            assert held.ask("state", machine=held.machine) == "running"
        held.ask("remove", machine=held.machine, tag=TAG)
    assert held.ask("state", machine=held.machine) == "missing"


def test_a_program_that_got_the_number_of_a_dead_qemu_is_left_alone(held):
    """As after a reboot of the host."""
    held.kill()
    end_qemu(held)
    with subprocess.Popen(["sleep", "300"]) as stranger:
        try:
            rewrite_status(held, "running", "booted", pid=stranger.pid)
            pid_file(held).write_text(str(stranger.pid))
            held.open()
            assert held.ask("state", machine=held.machine) == "off"
            held.ask("start", machine=held.machine)
            assert stranger.poll() is None
        finally:
            stranger.kill()


@contextlib.contextmanager
def unborn(held):
    """What a driver's child is until it becomes QEMU: it has the driver's command line, and the lock on
    the pid file."""
    with subprocess.Popen([sys.executable, "-c", UNBORN, pid_file(held)], stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"locked\n"
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("pid", [None, 0])
def test_the_child_of_a_killed_driver_that_would_become_qemu_later_is_ended(held, pid):
    held.kill()
    end_qemu(held)
    with unborn(held) as child:
        rewrite_status(held, "paused", "starting up", pid=child.pid if pid is None else pid)
        held.open()
        held.ask("start", machine=held.machine)
        assert child.poll() == -signal.SIGKILL
    assert held.ask("state", machine=held.machine) == "running"
    assert lockfile.record_holder(pid_file(held)) == held.qemu


def test_nothing_is_forgotten_while_another_process_drives_the_root(held):
    rewrite_status(held, "paused", "starting up", pid=0)
    with pytest.raises(errors.FabricError, match="Another process drives"):
        emulator.forget_the_dead(held.root)
    assert status_of(held).exists()
    assert is_alive(held.qemu)


def test_a_running_machine_is_not_forgotten(held):
    qemu = held.qemu
    held.kill()
    emulator.forget_the_dead(held.root)
    held.open()
    assert held.ask("state", machine=held.machine) == "running"
    assert held.qemu == qemu


@pytest.mark.slow
def test_a_machine_whose_qemu_hangs_is_removed(held, frozen_qemu):
    with at_most(20):
        held.ask("remove", machine=held.machine, tag=TAG)
    assert not is_alive(frozen_qemu)


@pytest.mark.slow
def test_a_machine_whose_qemu_hangs_is_removed_by_a_new_process(held, frozen_qemu):
    held.reopen()
    with at_most(20):
        held.ask("remove", machine=held.machine, tag=TAG)
    assert not is_alive(frozen_qemu)


@pytest.mark.slow
def test_a_start_that_hangs_halfway_is_begun_anew(held, frozen_qemu):
    held.kill()
    rewrite_status(held, "paused", "starting up")
    held.open()
    with at_most(20):
        held.ask("start", machine=held.machine)
    assert held.ask("state", machine=held.machine) == "running"
    assert not is_alive(frozen_qemu)
    assert is_alive(held.qemu)


@pytest.mark.slow
def test_a_guest_that_ran_is_neither_killed_nor_resumed_to_start_it(held, frozen_qemu):
    """It stands as its owner left it."""
    held.kill()
    rewrite_status(held, "paused", "user")
    held.open()
    with at_most(20):
        held.ask("start", machine=held.machine)
    assert held.ask("state", machine=held.machine) == "paused"
    assert is_alive(frozen_qemu)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_start_or_stop_killed_at_any_instant_is_repeated(held):
    held.ask("stop", machine=held.machine)
    instants = random.Random(3)
    for _ in range(ROUNDS):
        for verb, state in ("start", "running"), ("stop", "off"):
            held.process.tell(verb, machine=held.machine)
            with contextlib.suppress(subprocess.TimeoutExpired):
                held.process.wait(instants.uniform(0, WIDEST_SECONDS))
            held.reopen()
            with at_most(15):
                held.ask(verb, machine=held.machine)
            assert held.ask("state", machine=held.machine) == state
    held.ask("remove", machine=held.machine, tag=TAG)
