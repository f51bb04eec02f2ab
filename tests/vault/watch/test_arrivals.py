"""A machine that is on at a host whose appliance has no part in its replication: a second copy at its own
site, or one that was failed over and migrated there."""

from datetime import timedelta

import pytest

from secondsite.domain.health import CATALOGUE, Severity
from secondsite.domain.lifecycle import State
from secondsite.vault.health import findings
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import ApplianceRecord
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control import Status
from secondsite.wire.control.statuses import ArrivalStatus
from tests.support.vault import NOW, machine, replica_status, source_status
from tests.vault.support_intake import Intake

A, B, OTHER_A, OTHER_B = "appliance-a", "appliance-b", "other-a", "other-b"
SOON, LATER = timedelta(seconds=30), timedelta(seconds=60)


@pytest.fixture
def facts(store, clock):
    with store.transaction() as tx:
        for name, site in ((OTHER_A, "a"), (OTHER_B, "b")):
            tx.appliances.put(ApplianceRecord(name, name, site, NOW, NOW, connected=True))
    return Intake(store, lambda _signal: None, clock)


def arrive(facts, at, fabric_id, *more):
    came = tuple(ArrivalStatus(machine_id="m1", fabric_id=each) for each in (fabric_id, *more) if each)
    facts.status(at, Status(arrivals=came))


def told(facts, store, **changes):
    with store.reading() as tx:
        status, appliances = facts.latest(tx, "m1"), {each.id: each for each in tx.appliances.list()}
    of = Situation(machine(**changes), status, None, appliances[A], appliances[B])
    return {each.code: each for each in findings.findings(of, NOW + LATER)}


def both_say(facts, clock, seconds, fabric_id="f-a", power="running"):
    clock.now = NOW + seconds
    facts.status(A, Status(sources=(source_status(power=power, last_seq=int(seconds.total_seconds())),)))
    arrive(facts, OTHER_A, fabric_id)


def source_id():
    return machine().source_fabric_id


def test_two_copies_at_one_site_are_told_with_both_hosts_until_one_is_off(facts, store, clock):
    for seconds in (timedelta(0), SOON):
        both_say(facts, clock, seconds, source_id())
        assert "runs-at-two-hosts" not in told(facts, store), "it may be on its way"
    both_say(facts, clock, LATER, source_id())
    found = told(facts, store)["runs-at-two-hosts"]
    assert CATALOGUE[found.code].severity is Severity.CRITICAL
    assert found.since == NOW
    assert "at that of appliance 'a', from where it is replicated, and at that of appliance 'other-a'" in (
        found.what
    )
    arrive(facts, OTHER_A, None)
    assert "runs-at-two-hosts" not in told(facts, store)


@pytest.mark.parametrize("power", ["off", "missing", "elsewhere", "paused"])
def test_one_that_does_not_run_at_its_source_any_more_is_one_copy(facts, store, clock, power):
    for seconds in (timedelta(0), SOON, LATER):
        both_say(facts, clock, seconds, source_id(), power)
    assert "runs-at-two-hosts" not in told(facts, store)


def test_a_clone_and_one_that_was_seen_there_before_are_none(facts, store, clock):
    for seconds in (timedelta(0), LATER):
        both_say(facts, clock, seconds, "a-clone")
    assert "runs-at-two-hosts" not in told(facts, store)
    both_say(facts, clock, LATER, source_id())
    facts.disconnected(OTHER_A)
    assert "runs-at-two-hosts" not in told(facts, store)


def test_two_copies_after_a_failover_are_told_once_its_own_host_has_looked_since(facts, store, clock):
    """As when a host that was given up comes back, and its libvirt starts the machine."""
    left = {"state": State.FAILED_OVER, "failed_over_at": NOW - SOON}
    for seconds in (timedelta(0), SOON, LATER):
        clock.now = NOW + seconds
        facts.status(B, Status(replicas=(replica_status(runs=("failover",), power="running"),)))
        arrive(facts, OTHER_B, machine().target_fabric_id)
        assert ("runs-at-two-hosts" in told(facts, store, **left)) is (seconds == LATER)
    found = told(facts, store, **left)
    assert "at the host of appliance 'other-b' of site b, too" in found["runs-at-two-hosts"].what
    assert "failed-over-machine-moved" not in found


@pytest.mark.parametrize("power", ["off", "missing", "elsewhere", None])
def test_nobody_says_two_who_has_not_seen_it_on_where_its_replica_is(facts, store, clock, power):
    """One came back with its host, and has the disks open; the other does not start."""
    left = {"state": State.FAILED_OVER, "failed_over_at": NOW - SOON}
    there = FindingShape(code="failed-over-machine-elsewhere", what="web01 is off here.", since=NOW)
    for seconds in (timedelta(0), SOON, LATER):
        clock.now = NOW + seconds
        status = replica_status(runs=("failover",), power=power, findings=(there,))
        facts.status(B, Status(replicas=(status,)))
        if seconds == timedelta(0):
            assert "failed-over-machine-elsewhere" in told(facts, store, **left)
        arrive(facts, OTHER_B, machine().target_fabric_id)
        found = told(facts, store, **left)
        assert "failed-over-machine-moved" in found
        assert not {"runs-at-two-hosts", "failed-over-machine-elsewhere"} & found.keys()


@pytest.mark.parametrize("state", [State.CANCEL_FAILED, State.FAILOVER_FAILED])
def test_it_is_told_where_it_is_also_after_a_verb_failed_there(facts, store, clock, state):
    """It said 'runs at nowhere: off', and no finding, while its guest ran."""
    left = {"state": state, "failed_over_at": NOW - SOON, "start_ordered": True}
    there = FindingShape(code="failed-over-machine-elsewhere", what="web01 is off here.", since=NOW)
    facts.status(B, Status(replicas=(replica_status(findings=(there,), runs=("failover",)),)))
    elsewhere = told(facts, store, **left)["failed-over-machine-elsewhere"]
    assert "Then repeat the verb" in elsewhere.do
    assert "virsh start" not in elsewhere.do
    assert "failed-over-machine-elsewhere" not in told(facts, store, **{**left, "start_ordered": False})
    arrive(facts, OTHER_B, machine().target_fabric_id)
    found = told(facts, store, **left)
    assert "runs at the host of appliance 'other-b' of site b" in found["failed-over-machine-moved"].what
    assert "failed-over-machine-elsewhere" not in found


def test_one_that_was_failed_over_and_migrated_is_not_missing_but_there(facts, store, clock):
    fabric_id = machine().target_fabric_id
    missing = FindingShape(code="failed-over-machine-missing", what="web01 is not known.", since=NOW)
    facts.status(B, Status(replicas=(replica_status(findings=(missing,), runs=("failover",)),)))
    left = {"state": State.FAILED_OVER, "failed_over_at": NOW - SOON}
    assert "failed-over-machine-missing" in told(facts, store, **left)
    arrive(facts, OTHER_B, fabric_id)
    found = told(facts, store, **left)
    assert "runs at the host of appliance 'other-b' of site b" in found["failed-over-machine-moved"].what
    assert "failed-over-machine-missing" not in found
    assert "failed-over-machine-moved" not in told(facts, store)
    arrive(facts, OTHER_B, None)
    assert "failed-over-machine-missing" in told(facts, store, **left)
