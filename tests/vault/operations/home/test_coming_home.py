"""A planned failover is tried before anything stops; a machine that comes home is said to come home."""

import dataclasses

import pytest

from secondsite.domain.lifecycle import State, Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.common.stores import StoreSpace
from secondsite.wire.control import checks
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus
from secondsite.wire.rest.places import NetworkMapping
from tests.vault.support_appliances import A, B
from tests.vault.support_operations import said


def test_a_planned_failover_stops_nothing_if_the_target_cannot_run_the_machine(verbs):
    verbs.protect()
    verbs.appliances.obstacles = (checks.ObstacleShape(what="No such CPU here.", do="Change the model."),)
    job = verbs.run(Verb.PLANNED_FAILOVER)
    assert "No such CPU here. Change the model." in job.job.error.message
    assert verbs.appliances.checked.definition == verbs.machine().definition
    assert Kind.SHUT_DOWN not in [kind for _, kind, _ in verbs.appliances.given]
    assert verbs.state() is State.PROTECTED


def test_only_the_way_home_is_called_so_and_needs_no_trial(verbs):
    verbs.protect()
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    verbs.run(Verb.COMMIT)
    verbs.run(Verb.REPROTECT)
    assert verbs.run(Verb.PLANNED_FAILOVER).job.state == "succeeded"
    assert verbs.appliances.checked.definition is None
    assert [payload.home for payload in verbs.appliances.started] == [False, True]
    assert verbs.appliances.started[-1].networks_by_mac == {"52:54:00:00:00:01": "lan"}


def test_before_the_way_home_stops_anything_its_networks_there_are_asked_for_as_they_are_mapped_back(verbs):
    """It counts where the machine is made anew: what the appliance there knows."""
    verbs.protect()
    with verbs.store.transaction() as tx:
        for source, network, target, other in (("a", "lan", "b", "lan-b"), ("b", "lan-b", "a", "new-lan")):
            tx.networks.put(
                NetworkMapping(
                    source_site=source, source_network=network, target_site=target, target_network=other
                )
            )
    for verb in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    home = verbs.appliances.checked.home
    assert home.fabric_id == verbs.machine().target_fabric_id
    assert [card.network for card in home.cards] == ["new-lan"]
    assert verbs.appliances.started[-1].networks_by_mac == {"52:54:00:00:00:01": "new-lan"}


def test_a_planned_failover_tells_what_both_appliances_say_is_wrong_and_is_not_kept_from_it(verbs):
    verbs.protect()
    machine = verbs.machine()
    wrong = (
        FindingShape(code="target-store-full", what="The store is full.", since=verbs.clock.now()),
        FindingShape(code="of-a-newer-one", what="Something new.", since=verbs.clock.now()),
    )
    status = SourceStatus(machine_id=machine.id, epoch=1, power="running", running=True, findings=wrong)
    with verbs.store.transaction() as tx:
        tx.statuses.put_source(status, verbs.clock.now())
    job = verbs.run(Verb.PLANNED_FAILOVER)
    assert job.job.state == "succeeded"
    checked = said(job, "Prerequisites check").sentence
    assert "At a: The store is full. " in checked
    assert "At a: Something new. See 'secondsite machine show web01'." in checked


def test_a_reprotect_tells_what_both_appliances_report_but_not_what_the_old_site_said_last(verbs):
    verbs.protect()
    machine, at = verbs.machine(), verbs.clock.now()
    old = FindingShape(code="cycle-failed", what="It was in trouble.", since=at)
    full = FindingShape(code="target-store-full", what="The store is full.", since=at)
    for verb in (Verb.FAILOVER, Verb.COMMIT):
        assert verbs.run(verb).job.state == "succeeded"
    with verbs.store.transaction() as tx:
        tx.statuses.put_source(
            SourceStatus(machine_id=machine.id, epoch=1, power="off", running=False, findings=(old,)), at
        )
        tx.statuses.put_replica(
            ReplicaStatus(
                machine_id=machine.id, epoch=1, accepting=False, synchronized=True, findings=(full,)
            ),
            at,
        )
        there = tx.appliances.find(A)
        tx.appliances.put(
            dataclasses.replace(there, stores=(StoreSpace(name="far", problem="It is not mounted."),))
        )
    job = verbs.run(Verb.REPROTECT)
    assert job.job.state == "succeeded"
    checked = said(job, "Prerequisites check").sentence
    assert "At b: The store is full. " in checked
    assert "At a: store 'far' of appliance 'appliance-a' is not in order: It is not mounted." in checked
    assert "in trouble" not in checked


def test_a_commit_at_home_deletes_no_point_while_something_has_the_disks_open_that_were_left(verbs):
    verbs.protect()
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    verbs.appliances.open_elsewhere.add(B)
    verbs.appliances.given.clear()
    job = verbs.run(Verb.COMMIT)
    assert job.job.state == "failed"
    assert "at b, which it left, something has its disks open" in job.job.error.message
    assert Kind.COMMIT_POINT not in [kind for _, kind, _ in verbs.appliances.given]
    verbs.appliances.open_elsewhere.clear()
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"


def test_a_commit_at_home_cuts_no_old_copy_off_that_runs(verbs):
    verbs.protect()
    for verb in (Verb.FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.FAILOVER):
        assert verbs.run(verb).job.state == "succeeded"
    machine_id = verbs.machine().id
    verbs.appliances.given.clear()
    assert B in verbs.appliances.running(machine_id)
    job = verbs.run(Verb.COMMIT)
    assert job.job.state == "failed"
    assert "its old copy runs at b, which it left" in job.job.error.message
    verbs.appliances.copies.stop(machine_id, B)
    verbs.appliances.saved.add(B)
    assert "The memory of web01 is saved" in verbs.run(Verb.COMMIT).job.error.message
    assert not {Kind.COMMIT_POINT, Kind.REMOVE_MACHINE} & {kind for _, kind, _ in verbs.appliances.given}
    verbs.appliances.saved.clear()
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"


@pytest.mark.parametrize(
    ("verb", "options"),
    [(Verb.CANCEL_FAILOVER, {}), (Verb.CHANGE_RECOVERY_POINT, {"choice": RecoveryPointChoice.LATEST})],
)
def test_one_that_stands_on_its_own_disks_is_committed_and_nothing_else(verbs, verb, options):
    """A cancel failed half-way: the state that it left had no way out, while the machine ran at home."""
    verbs.protect()
    for each in (Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER):
        assert verbs.run(each).job.state == "succeeded"
    verbs.appliances.alone.add(A)
    verbs.appliances.given.clear()
    error = verbs.run(verb, **options).job.error
    assert (error.code, "came home to its own disks" in error.message) == ("prerequisite-failed", True)
    assert "machine commit" in error.do
    assert {Kind.STOP_REPLICA, Kind.ACCEPT_CYCLES}.isdisjoint(kind for _, kind, _ in verbs.appliances.given)
    assert verbs.state() is State.PLANNED_FAILED_OVER
    assert verbs.run(Verb.COMMIT).job.state == "succeeded"
