"""A machine whose start or stop was cut off by a kill is never stuck; a QEMU that hangs is ended in seconds."""

import contextlib
import os
import random
import re
import signal
import subprocess
import time

import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt import emulator
from tests.fabrics.libvirt.sites import TAG, ApplianceProcess
from tests.support.eventually import eventually

ROUNDS = 10
WIDEST_SECONDS = 0.3
"""A start takes about as long."""


@pytest.fixture
def frozen_qemu(site):
    """The machine's QEMU stands still: its monitor takes connections and answers none."""
    pid = site.qemu
    os.kill(pid, signal.SIGSTOP)
    yield pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def at_most(seconds):
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def status_of(site):
    return site.root / "run" / "qemu" / "a.xml"


def rewrite_status(site, state, reason, pid=None):
    """As a driver leaves it that is killed in the middle."""
    path = status_of(site)
    head = f"<domstatus state='{state}' reason='{reason}' pid='{site.qemu if pid is None else pid}'>"
    path.write_text(re.sub(r"<domstatus [^>]*>", head, path.read_text(), count=1))


def is_alive(pid):
    return bool(emulator._words(pid))


def end_qemu(site):
    pid = site.qemu
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not is_alive(pid))


@pytest.mark.parametrize("verb", ["start", "remove"])
def test_a_start_cut_off_before_qemu_had_a_number_locks_nothing(site, verb):
    site.appliance.kill()
    end_qemu(site)
    rewrite_status(site, "paused", "starting up", pid=0)
    site.appliance = ApplianceProcess(site.root)
    with at_most(15):
        if verb == "start":
            site.appliance.ask("start", machine=site.machine)
            assert site.appliance.ask("state", machine=site.machine) == "running"
        site.appliance.ask("remove", machine=site.machine, tag=TAG)
    assert site.appliance.ask("state", machine=site.machine) == "missing"


def test_a_program_that_got_the_number_of_a_dead_qemu_is_left_alone(site):
    """As after a reboot of the host."""
    site.appliance.kill()
    end_qemu(site)
    with subprocess.Popen(["sleep", "300"]) as stranger:
        try:
            rewrite_status(site, "running", "booted", pid=stranger.pid)
            (site.root / "run" / "qemu" / "a.pid").write_text(str(stranger.pid))
            site.appliance = ApplianceProcess(site.root)
            assert site.appliance.ask("state", machine=site.machine) == "off"
            site.appliance.ask("start", machine=site.machine)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_nothing_is_forgotten_while_another_process_drives_the_root(site):
    rewrite_status(site, "paused", "starting up", pid=0)
    with pytest.raises(errors.FabricError, match="Another process drives"):
        emulator.forget_the_dead(site.root)
    assert status_of(site).exists()
    assert is_alive(site.qemu)


def test_a_running_machine_is_not_forgotten(site):
    qemu = site.qemu
    site.appliance.kill()
    emulator.forget_the_dead(site.root)
    site.appliance = ApplianceProcess(site.root)
    assert site.appliance.ask("state", machine=site.machine) == "running"
    assert site.qemu == qemu


@pytest.mark.slow
def test_a_machine_whose_qemu_hangs_is_removed(site, frozen_qemu):
    with at_most(20):
        site.appliance.ask("remove", machine=site.machine, tag=TAG)
    assert not is_alive(frozen_qemu)


@pytest.mark.slow
def test_a_machine_whose_qemu_hangs_is_removed_by_a_new_process(site, frozen_qemu):
    site.new_appliance()
    with at_most(20):
        site.appliance.ask("remove", machine=site.machine, tag=TAG)
    assert not is_alive(frozen_qemu)


@pytest.mark.slow
def test_a_start_that_hangs_halfway_is_begun_anew(site, frozen_qemu):
    site.appliance.kill()
    rewrite_status(site, "paused", "starting up")
    site.appliance = ApplianceProcess(site.root)
    with at_most(20):
        site.appliance.ask("start", machine=site.machine)
    assert site.appliance.ask("state", machine=site.machine) == "running"
    assert not is_alive(frozen_qemu)
    assert is_alive(site.qemu)


@pytest.mark.slow
def test_a_guest_that_ran_is_never_killed_to_start_it(site, frozen_qemu):
    site.appliance.kill()
    rewrite_status(site, "paused", "user")
    site.appliance = ApplianceProcess(site.root)
    assert site.appliance.try_to("start", machine=site.machine)["error"] == "deadline-exceeded"
    assert is_alive(frozen_qemu)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_start_or_stop_killed_at_any_instant_is_repeated(site):
    site.appliance.ask("stop", machine=site.machine)
    instants = random.Random(3)
    for _ in range(ROUNDS):
        for verb, state in ("start", "running"), ("stop", "off"):
            site.appliance.tell(verb, machine=site.machine)
            with contextlib.suppress(subprocess.TimeoutExpired):
                site.appliance.process.wait(timeout=instants.uniform(0, WIDEST_SECONDS))
            site.new_appliance()
            with at_most(15):
                site.appliance.ask(verb, machine=site.machine)
            assert site.appliance.ask("state", machine=site.machine) == state
    site.appliance.ask("remove", machine=site.machine, tag=TAG)
