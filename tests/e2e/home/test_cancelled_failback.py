"""A failback that is cancelled: the guest runs where it ran before, as it was shut down there; what it
wrote at home meanwhile is gone, and the next failback knows nothing of it."""

import pytest

import guestkit
from rig import images
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=256)
MORE = 40


@pytest.fixture(scope="module")
def rig():
    """web01 was failed over to b and is protected back to a."""
    with e2e.guests_under({"web01": {"workload": WRITING}}) as rig:
        places = ("--source", "a", "--target", "b")
        command_line.do(rig, "enable-protection", "web01", *places, "--policy", "quick")
        command_line.do(rig, "failover", "web01", "--shut-down")
        for verb in ("commit", "reprotect"):
            command_line.do(rig, verb, "web01")
        rig.new_points("web01")
        yield rig


def newest_digests(rig):
    machine = rig.machine("web01")
    return images.point_digests(rig.replica_folder("a", machine.id), machine.failover.point_id)


def test_what_the_guest_writes_at_home_does_not_touch_what_a_cancel_goes_back_to(rig):
    away, home = rig.console("b", "web01"), rig.console("a", "web01")
    before = len(home.boots)
    command_line.do(rig, "planned-failover", "web01")
    boot = e2e.booted(home, before + 1)
    assert boot.verified_last == away.boots[-1].bye
    held = newest_digests(rig)
    e2e.wait_for_record(home, boot.verified_last + MORE)
    assert newest_digests(rig) == held


def test_the_cancel_brings_back_the_guest_as_it_was_shut_down_and_sends_changes_only(rig):
    away, before = rig.console("b", "web01"), rig.machine("web01")
    left, boots = away.boots[-1].bye, len(away.boots)
    command_line.do(rig, "cancel-failover", "web01")
    assert e2e.booted(away, boots + 1).verified_last == left
    assert len(rig.qemus("web01")) == 1
    after = rig.machine("web01")
    assert (after.state, after.direction, after.active_site) == ("protected", "reverse", "b")
    rig.new_points("web01", 2)
    after = rig.machine("web01")
    assert after.replication.synchronization is None
    assert after.replication.total_wire_bytes - before.replication.total_wire_bytes < 16 * MiB


def test_the_next_failback_finds_what_the_guest_wrote_since_and_nothing_of_the_one_that_was_cancelled(rig):
    away, home = rig.console("b", "web01"), rig.console("a", "web01")
    e2e.wait_for_record(away, away.last_record + MORE)
    boots = len(home.boots)
    command_line.do(rig, "planned-failover", "web01")
    assert e2e.booted(home, boots + 1).verified_last == away.boots[-1].bye
    for verb in ("commit", "reprotect"):
        command_line.do(rig, verb, "web01")
    machine = rig.machine("web01")
    assert (machine.state, machine.direction, machine.policy) == ("protected", "forward", "quick")
