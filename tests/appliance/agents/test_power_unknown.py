"""A machine whose power nobody can tell is not reported as one that was just seen to run."""

import contextlib

import pytest

from rig.appliances.runs import start
from rig.eventually import eventually
from secondsite.appliance.source import machine
from secondsite.domain import errors
from secondsite.fabrics import simulated

pytestmark = pytest.mark.slow
TWO_COPIES = "source-running-after-failover"


def codes(pair):
    return {each.code for each in pair.source_status().findings}


def silent(pair):
    """Its platform cannot tell the power of any machine."""
    simulated.dial(pair.source.root, [simulated.Fault(method="power.state", code="fabric-error")])


def failed_over(pair):
    start(pair, "failover", pair.status().points[-1].id)
    eventually(lambda: pair.source_status().fenced, 20)


@pytest.fixture
def protected(pair):
    return pair.protect().synchronized()


def test_one_that_was_silent_before_its_failover_is_not_called_a_second_copy(protected):
    silent(protected)
    replication = protected.source.appliance.replication
    with contextlib.suppress(errors.FabricError):
        replication.fences.raise_(replication.get(protected.machine_id), "It was failed over.")
    eventually(lambda: protected.source_status().power == "unknown", 20)
    assert TWO_COPIES not in codes(protected)


def test_one_that_died_as_it_was_failed_over_is_not_called_one_for_long(protected):
    protected.point_now()
    failed_over(protected)
    eventually(lambda: TWO_COPIES in codes(protected), 30)
    silent(protected)
    eventually(lambda: protected.source_status().power == "unknown", 20)
    assert TWO_COPIES not in codes(protected)


def test_one_that_surely_ran_afterwards_counts_as_a_second_copy_until_it_is_seen_again(
    protected, monkeypatch
):
    monkeypatch.setattr(machine, "DEAD_SECONDS", 0.0)
    protected.point_now()
    failed_over(protected)
    eventually(lambda: TWO_COPIES in codes(protected), 30)
    silent(protected)
    source, lost = protected.source.appliance.replication.get(protected.machine_id), []

    def lost_sight():
        machine.Source.lost_sight(source)
        lost.append(1)

    monkeypatch.setattr(source, "lost_sight", lost_sight)
    eventually(lambda: len(lost) > 1, 20)
    assert TWO_COPIES in codes(protected)
    simulated.dial(protected.source.root, [])
    protected.source.fabric.power.stop(protected.fabric_id)
    eventually(lambda: TWO_COPIES not in codes(protected), 30)
