"""Somebody defines a machine again at home, or another one on its disks, while it runs at the other site and its replica at home
stands on them. Nothing told of it, and a start damaged each point."""

import dataclasses

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, turned
from rig.noise import noise
from secondsite.appliance.target import second_copies
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import MiB
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind, ShutDown

pytestmark = pytest.mark.slow

RUNS, DEFINED = second_copies.RUNS, second_copies.DEFINED


@pytest.fixture
def returning(sites):
    """The machine runs at b and is protected back to a, onto its old disks: the way back, and what it was at a."""
    a, b = sites
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    before = a.fabric.inventory.get(pair.fabric_id).definition
    there = fail_over(pair, pair.point_now())
    a.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    return turned(pair, there), before


def seen_as(way, definition, power):
    """What is told where its hypervisor says this of it: a simulated disk has one opener."""
    listed = way.target.fabric.inventory.list()
    seen = [dataclasses.replace(each, power=power) for each in listed if each.name == definition.name]
    hosted = way.target.appliance.host.get(way.machine_id)
    way.target.appliance.second_copies.compare(hosted, seen)
    return of_copies(way)


def told(way):
    way.target.appliance.second_copies.look()
    return of_copies(way)


def of_copies(way):
    return {each.code: each.what for each in way.status().findings if each.code in (RUNS, DEFINED)}


def defined(way, definition, tag):
    way.target.fabric.hosting.restore(definition, tag)


def test_a_machine_that_is_defined_again_at_home_is_told_and_does_not_start_with_its_host(returning):
    way, before = returning
    assert told(way) == {}
    defined(way, before, way.machine_id)
    assert set(told(way)) == {DEFINED}
    assert "never its disks" in told(way)[DEFINED]
    assert way.target.fabric.inventory.get(before.fabric_id).start_forbidden
    way.target.fabric.hosting.withdraw(before.fabric_id, way.machine_id)
    assert told(way) == {}


@pytest.mark.parametrize("same_id", [True, False], ids=["its id", "another id"])
def test_one_that_runs_on_its_old_disks_is_told_as_a_second_copy_and_what_to_do(returning, same_id):
    way, before = returning
    changes = {} if same_id else {"fabric_id": before.fabric_id[::-1], "name": "copied"}
    other = before.model_copy(update=changes)
    defined(way, other, None)
    if same_id:
        answer = way.target.do(
            Kind.CHECK_TARGET, CheckTarget(fabric_id=other.fabric_id, name="web01"), way.machine_id
        )
        advice = [each["do"] for each in answer["obstacles"] if "has the id" in each["what"]]
        assert "never its disks" in advice[0]
    found = seen_as(way, other, PowerState.RUNNING)
    assert "virsh destroy" in found[RUNS]
    assert "never its disks" in found[RUNS]
    # the replica's own daemon writes there: that is no second copy
    assert set(seen_as(way, other, PowerState.ELSEWHERE)) == {DEFINED}
    assert set(told(way)) == {DEFINED}
