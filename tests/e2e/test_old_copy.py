"""At most one copy runs: hosts reboot, owners start machines by hand, sites return. What runs is looked up
in the fabrics."""

import pytest

from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host
from tests.e2e.support_simulated_sites import PROTECT, copies, host, simulated_sites
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TWO_COPIES = "source-running-after-failover"


@pytest.fixture(scope="module")
def rig():
    with simulated_sites() as rig:
        simulated.set_autostart(host(rig, "a"), rig.simulated["web01"].fabric_id)
        command_line.do(rig, *PROTECT)
        rig.new_points("web01")
        yield rig


def start_by_hand(rig):
    """The owner starts the old copy, whatever stands in the way."""
    at, fabric_id = Host(host(rig, "a")), rig.simulated["web01"].fabric_id
    with at.records.lock(fabric_id, "a deed of its owner"):
        at.open(at.records.need(fabric_id))


def stop_by_hand(rig):
    at, fabric_id = Host(host(rig, "a")), rig.simulated["web01"].fabric_id
    with at.records.lock(fabric_id, "a deed of its owner"):
        at.close(at.records.need(fabric_id))


def forbidden(rig):
    """The old copy starts neither with its host nor by a person's word."""
    record = Host(host(rig, "a")).records.need(rig.simulated["web01"].fabric_id)
    return not record.starts_with_host and record.start_forbidden


def test_a_host_that_reboots_after_a_planned_failover_starts_no_second_copy(rig):
    assert copies(rig) == ["a"]
    command_line.do(rig, "planned-failover", "web01")
    assert copies(rig) == ["b"]
    simulated.reboot(host(rig, "a"))
    assert copies(rig) == ["b"]
    rig.appliances["a"].kill()
    simulated.reboot(host(rig, "a"))
    rig.appliances["a"].start()
    assert copies(rig) == ["b"]


def test_a_second_copy_that_somebody_starts_is_a_critical_finding_within_half_a_minute(rig):
    eventually(lambda: TWO_COPIES not in rig.codes("web01"), 30)
    start_by_hand(rig)
    assert copies(rig) == ["a", "b"]
    eventually(lambda: TWO_COPIES in rig.codes("web01"), 30)
    assert rig.machine("web01").health == "critical"
    stop_by_hand(rig)
    eventually(lambda: TWO_COPIES not in rig.codes("web01"), 30)


def test_a_cancelled_failover_runs_at_home_and_starts_with_its_host_again(rig):
    command_line.do(rig, "cancel-failover", "web01")
    assert copies(rig) == ["a"]
    simulated.reboot(host(rig, "a"))
    assert copies(rig) == ["a"]
    rig.new_points("web01")


def test_a_site_that_returns_after_a_failover_without_it_keeps_the_old_copy_off_and_cuts_nothing(rig):
    """Nobody could tell it. Its host starts the old copy once; the target's word is enough for all later
    times."""
    rig.appliances["a"].kill()
    stop_by_hand(rig)
    command_line.do(rig, "failover", "web01")
    assert copies(rig) == ["b"]
    simulated.reboot(host(rig, "a"))
    assert copies(rig) == ["a", "b"]
    rig.appliances["a"].start()
    eventually(lambda: TWO_COPIES in rig.codes("web01"), 60)
    assert copies(rig) == ["a", "b"], "power is the operator's"
    # The vault sees two copies before the target has refused the source's first cycle
    eventually(lambda: forbidden(rig), 30)
    simulated.reboot(host(rig, "a"))
    assert copies(rig) == ["b"]
    eventually(lambda: TWO_COPIES not in rig.codes("web01"), 60)
