"""Before a real guest is reprotected after an unplanned failover, what it wrote since is told, and then
about that much is sent."""

import pytest

import guestkit
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=256)
SLACK = 8 << 20
"""What a booting guest and an image write besides."""


@pytest.fixture(scope="module")
def rig():
    with e2e.guests_under({"web01": {"workload": WRITING}}) as rig:
        places = ("--source", "a", "--target", "b")
        command_line.do(rig, "enable-protection", "web01", *places, "--policy", "quick")
        yield rig


def told(rig):
    with rig.client() as vault:
        return vault.machines["web01"].reprotect_preview()


def test_what_was_written_at_the_new_site_is_told_before_and_sent_then(rig):
    command_line.do(rig, "failover", "web01", "--shut-down")
    console = rig.console("b", "web01")
    e2e.booted(console, 1)
    command_line.do(rig, "commit", "web01")
    before = told(rig)
    assert 0 < before.send_bytes < before.disk_bytes
    assert (before.seconds, before.runs) == (None, 0)
    e2e.wait_for_record(console, console.last_record + 60)
    expected = eventually(lambda: found if (found := told(rig)).send_bytes > before.send_bytes else None, 30)
    job = command_line.do(rig, "reprotect", "web01")
    sent = command_line.facts_of(rig, job, "Synchronize")["web01"].wire_bytes
    assert 0 < sent < expected.send_bytes + SLACK
    assert expected.send_bytes < before.disk_bytes // 4


def test_after_one_reprotect_the_time_of_the_next_is_told(rig):
    for verb in ("planned-failover", "commit"):
        command_line.do(rig, verb, "web01")
    found = told(rig)
    assert (found.own, found.runs) == (True, 1)
    assert 0 < found.seconds < 120
    command_line.do(rig, "reprotect", "web01")
