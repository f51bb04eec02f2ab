"""A guest that goes off when its shutdown was given up runs again, unless somebody else has it by then."""

import uuid

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from secondsite.appliance.orders import withdrawn_shutdown
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind, Nothing, Restart, ShutDown

pytestmark = pytest.mark.slow
WENT_OFF_LATE = "went-off-late"


@pytest.fixture
def slow(sites, monkeypatch):
    """Its guest is asked, and does not go off in time. Nobody looks but the test."""
    monkeypatch.setattr(withdrawn_shutdown, "LOOK_SECONDS", 3600.0)
    a, b = sites
    for site in sites:
        site.restart()
    return Pair(a, b, a.make_machine(obeys_shutdown=False)).protect().synchronized()


def given(pair, kind, payload, number):
    return pair.source.perform(
        Order(order_id=uuid.uuid4().hex, kind=kind, machine_id=pair.machine_id, payload=payload.model_dump(),
        generation=number)
    )  # fmt: skip


def given_up(pair):
    """A planned failover, of number 1, whose cancel, of number 2, has ended."""
    asked = given(pair, Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id, grace_seconds=0.1, force=False), 1)
    assert asked.problem.code == "deadline-exceeded"
    report = given(pair, Kind.RESTART, Restart(fabric_id=pair.fabric_id), 2)
    assert report.problem is None
    return report.sentence


def goes_off(pair):
    pair.source.fabric.power.stop(pair.fabric_id)


def look(pair):
    pair.source.appliance.taken_back.look()
    return pair.source.fabric.power.state(pair.fabric_id)


def codes(pair):
    return {finding.code for finding in pair.source_status().findings}


def test_it_is_started_again_and_that_is_a_finding_whatever_cycles_do(slow):
    assert "had not gone off (if it does within 30 min, it is started again)" in given_up(slow)
    assert (look(slow), codes(slow)) == (PowerState.RUNNING, set())
    goes_off(slow)
    assert look(slow) is PowerState.RUNNING
    look(slow)
    slow.cycle_now()
    assert WENT_OFF_LATE in codes(slow)


def test_it_is_started_once(slow):
    given_up(slow)
    for found in (PowerState.RUNNING, PowerState.OFF):
        goes_off(slow)
        assert look(slow) is found


def test_an_appliance_that_dies_meanwhile_knows_of_it(slow):
    given_up(slow)
    slow.source.stop()
    goes_off(slow)
    slow.source.start()
    assert eventually(lambda: look(slow) is PowerState.RUNNING)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [(Kind.PAUSE_REPLICATION, Nothing()), (Kind.RESYNCHRONIZE, Nothing())],
    ids=["failover", "another"],
)
def test_what_a_later_verb_has_is_left_to_it(slow, kind, payload):
    given_up(slow)
    assert given(slow, kind, payload, 3).problem is None
    goes_off(slow)
    assert look(slow) is PowerState.OFF


def test_what_was_started_anew_is_its_owners_to_switch_off(slow):
    asked = ShutDown(fabric_id=slow.fabric_id, grace_seconds=0.1, force=False)
    assert given(slow, Kind.SHUT_DOWN, asked, 1).problem is not None
    goes_off(slow)
    assert given(slow, Kind.RESTART, Restart(fabric_id=slow.fabric_id), 2).sentence.startswith(
        "started the machine"
    )
    goes_off(slow)
    assert look(slow) is PowerState.OFF


def test_a_guest_that_goes_off_long_after_that_was_switched_off(slow, monkeypatch):
    monkeypatch.setattr(withdrawn_shutdown, "WATCHED_SECONDS", 0.0)
    given_up(slow)
    goes_off(slow)
    look(slow)
    assert look(slow) is PowerState.OFF


def test_one_that_does_not_start_is_a_finding_and_tried_again(slow, monkeypatch):
    monkeypatch.setattr(withdrawn_shutdown, "AGAIN_SECONDS", 0.0)
    given_up(slow)
    goes_off(slow)
    simulated.dial(slow.source.root, [simulated.Fault(method="power.start", code="fabric-error")])
    assert look(slow) is PowerState.OFF
    simulated.dial(slow.source.root, [])
    (told,) = [finding.what for finding in slow.source_status().findings if finding.code == WENT_OFF_LATE]
    assert "could not be started again" in told
    assert look(slow) is PowerState.RUNNING
