"""A backup job that libvirt lost, since it was killed as the job began, holds the machine no longer than
until the root is opened again."""

import os
import signal
import time
from xml.etree import ElementTree

import pytest

from rig.eventually import eventually
from secondsite.fabrics.libvirt.host import lost_jobs

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(400)]

ROUNDS = 12
MOST_TRIES = 100
"""On a busy machine few kills come within the milliseconds in which a job is lost."""
STEP_SECONDS = 0.001


def status_of(held):
    return held.root / "run" / "qemu" / "a.xml"


def told(held):
    return ElementTree.parse(status_of(held)).getroot()


def holds_a_job(held):
    return told(held).find("job[@async='backup']") is not None


def is_lost(held):
    return holds_a_job(held) and told(held).find("backups/domainbackup") is None


def kill_as_it_begins(held, name, after_seconds):
    asked = {"machine": held.machine, "base": None, "name": name, "disks": ["vda"], "longest_seconds": 3600}
    held.process.tell("open_view", **asked)
    deadline = time.monotonic() + 10
    while not holds_a_job(held):  # without a pause: what is lost is lost within milliseconds
        assert time.monotonic() < deadline
    time.sleep(after_seconds)  # further along with each round
    held.kill()


def ended(held):
    lost_jobs.end(status_of(held))
    return not holds_a_job(held)


def nodes(held):
    return {each["node-name"] for each in held.monitor_of_nobody("query-named-block-nodes")}


def test_whatever_of_it_qemu_had_begun_the_next_view_is_opened(held):
    lost = 0
    for number in range(ROUNDS):
        kill_as_it_begins(held, f"killed-{number}", number * STEP_SECONDS)
        lost += is_lost(held)
        held.open()
        held.cycle(None, f"after-{number}", keep=False)
        assert not holds_a_job(held)
    held.kill()
    lost_jobs.end(status_of(held))  # as the next opening does: the last view was still being cleared up
    assert lost > 2
    assert nodes(held) == {"libvirt-1-format", "libvirt-1-storage"}
    held.open()


def test_a_qemu_that_does_not_answer_keeps_it_for_the_next_opening(held, monkeypatch):
    monkeypatch.setattr(lost_jobs, "ANSWER_SECONDS", 0.5)
    for number in range(MOST_TRIES):
        kill_as_it_begins(held, f"killed-{number}", 0.0)
        if is_lost(held):
            break
        held.open()
    os.kill(held.qemu, signal.SIGSTOP)
    lost_jobs.end(status_of(held))
    assert is_lost(held)
    os.kill(held.qemu, signal.SIGCONT)
    eventually(lambda: ended(held), 30)  # QEMU turns to the connection first that was given up
    held.open()
    assert held.ask("state", machine=held.machine) == "running"
