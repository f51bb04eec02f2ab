"""Another program defines the machine anew, and our tag is lost with its old definition: put back, or told
before anything stops."""

import pytest

from rig.eventually import eventually
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.wire.control.checks import CheckSource
from secondsite.wire.control.orders import FabricMachine, Kind, Restart, RunCycle, ShutDown


@pytest.fixture
def protected(pair):
    return pair.protect().synchronized()


def defined_anew(pair, **more):
    """All at once: who watches would put the tag back between."""
    records = Host(pair.source.root).records
    with records.lock(pair.fabric_id, "a deed of the test"):
        records.save(records.need(pair.fabric_id).having(tag=None, start_forbidden=False, **more))


def tag(pair):
    return pair.source.fabric.inventory.tag(pair.fabric_id)


def power(pair):
    return pair.source.fabric.power.state(pair.fabric_id)


def asked(pair):
    """What is in the way of a move, as the check of a planned failover hears it."""
    return pair.source.do(Kind.POWER, FabricMachine(fabric_id=pair.fabric_id, leaves=True), pair.machine_id)[
        "obstacles"
    ]


def test_the_tag_is_put_back_by_itself(protected):
    defined_anew(protected)
    eventually(lambda: tag(protected) == protected.machine_id, 40)
    assert [each.code for each in protected.source_status().findings] == []


@pytest.mark.parametrize("ask", [Kind.POWER, Kind.CHECK_SOURCE])
def test_a_check_puts_it_back(protected, ask):
    defined_anew(protected)
    shapes = {
        Kind.CHECK_SOURCE: CheckSource(fabric_id=protected.fabric_id),
        Kind.POWER: FabricMachine(fabric_id=protected.fabric_id, leaves=True),
    }
    payload = shapes[ask]
    assert protected.source.do(ask, payload, protected.machine_id)["obstacles"] == []
    assert tag(protected) == protected.machine_id


def test_a_machine_that_is_not_surely_ours_is_told_before_anything_stops(protected):
    defined_anew(protected, images={})
    (found,) = asked(protected)
    assert "carries no secondsite tag: it was defined anew" in found["what"]
    assert found["blocking"]
    assert "secondsite machine resynchronize web01" in found["do"]
    assert power(protected) is PowerState.RUNNING
    eventually(lambda: "mark-lost" in [each.code for each in protected.source_status().findings], 40)


def test_a_tag_that_is_lost_in_the_middle_of_a_move_stops_neither_the_move_nor_its_undoing(protected):
    site, machine = protected.source, protected.machine_id
    defined_anew(protected)
    site.do(Kind.SHUT_DOWN, ShutDown(fabric_id=protected.fabric_id, grace_seconds=10), machine)
    defined_anew(protected)
    site.do(Kind.RUN_CYCLE, RunCycle(final=True), machine, deadline_seconds=60)
    defined_anew(protected)
    site.do(Kind.RESTART, Restart(fabric_id=protected.fabric_id), machine)
    assert (power(protected), tag(protected)) == (PowerState.RUNNING, machine)


def test_a_machine_that_was_shut_down_for_a_move_is_started_again_though_it_is_not_surely_ours(protected):
    """It is off because of us."""
    site, machine = protected.source, protected.machine_id
    site.do(Kind.SHUT_DOWN, ShutDown(fabric_id=protected.fabric_id, grace_seconds=10), machine)
    site.do(Kind.RUN_CYCLE, RunCycle(final=True), machine, deadline_seconds=60)
    defined_anew(protected, images={})
    site.do(Kind.RESTART, Restart(fabric_id=protected.fabric_id), machine)
    assert power(protected) is PowerState.RUNNING
