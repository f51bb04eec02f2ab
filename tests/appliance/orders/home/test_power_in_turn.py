"""A machine that was failed over and committed, and is not replicated from there: orders about its power
come one after the other."""

import threading

import pytest

from rig.appliances.runs import fail_over
from rig.background import Background
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.fabrics.simulated.power import SimulatedPower
from secondsite.wire.control.orders import CommitPoint, Kind, Restart, ShutDown

pytestmark = pytest.mark.slow


@pytest.fixture
def away(pair):
    """Its id at the other site, where it runs."""
    pair.protect().synchronized()
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    point_id = pair.point_now(final=True)
    fabric_id = fail_over(pair, point_id)
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    return fabric_id


def test_a_start_waits_for_the_shutdown_that_it_takes_back(pair, away, monkeypatch):
    begun, go_on, starts = threading.Event(), threading.Event(), threading.Event()
    shut_down, start = SimulatedPower.shut_down, SimulatedPower.start

    def slowly(power, *asked):
        begun.set()
        assert go_on.wait(30)
        return shut_down(power, *asked)

    def started(power, *asked):
        starts.set()
        return start(power, *asked)

    monkeypatch.setattr(SimulatedPower, "shut_down", slowly)
    monkeypatch.setattr(SimulatedPower, "start", started)
    site, machine_id = pair.target, pair.machine_id
    orders = {
        "down": lambda: site.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), machine_id),
        "up": lambda: begun.wait(30) and site.do(Kind.RESTART, Restart(fabric_id=away), machine_id),
    }
    with Background(orders, within_seconds=60):
        assert begun.wait(30)
        assert not starts.wait(0.3), "it starts what is still being shut down"
        go_on.set()
    assert site.fabric.power.state(away) is PowerState.RUNNING


def test_what_was_protected_anew_is_not_started_for_what_was_before(pair, away):
    """There it may be the old copy."""
    site = pair.target
    site.fabric.power.stop(away)
    records = Host(site.root).records
    with records.lock(away, "protected anew"):
        records.save(records.need(away).having(tag="another"))
    problem = site.order(Kind.RESTART, Restart(fabric_id=away), pair.machine_id).problem
    assert problem.code == "not-ours"
    assert site.fabric.power.state(away) is PowerState.OFF
