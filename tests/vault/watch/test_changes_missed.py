"""What the vault believes of changes, what it asks for again, and what it shows of what was not said
again."""

import json
from datetime import timedelta

import pytest

from secondsite.domain import errors
from secondsite.domain.lifecycle import State
from secondsite.vault.fleet.statuses.latest_status import LatestStatuses
from secondsite.vault.health.findings import Situation, findings
from secondsite.wire import control
from secondsite.wire.control import FullReportRequest, Hello, Status, changes
from secondsite.wire.control.statuses import SourceStatus
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake


@pytest.fixture
def facts(store, clock):
    facts = Intake(store, lambda _signal: None, clock)
    for side in "ab":
        facts.connected(hello(f"appliance-{side}"))
    return facts


def hello(appliance_id, says_changes=True):
    return Hello(
        appliance_id=appliance_id, site="a", version="1", fabric_kind="simulated", accelerated=False,
        data_addresses=(), says_changes=says_changes,
    )  # fmt: skip


def latest(facts, store):
    with store.reading() as tx:
        return facts.latest(tx, "m1")


def shown(facts, store):
    return [each.id for each in latest(facts, store).replica.points]


OLD = replica_status(points=[point(1, 20), point(2, 10)])
NEW = replica_status(points=[point(2, 10), point(3)])


def change(told=OLD, now=NEW):
    found = changes.of_replica(told, now)
    assert isinstance(found, changes.ReplicaChange)
    return Status(replica_changes=(found,))


def test_points_come_and_go_and_the_store_has_them_at_once(facts, store):
    facts.status("appliance-b", Status(replicas=(OLD,)))
    assert facts.status("appliance-b", change()) is None
    assert shown(facts, store) == ["p2", "p3"]
    with store.reading() as tx:
        assert tx.statuses.get("m1").replica == NEW


def test_a_point_that_is_held_or_damaged_is_stored_so(facts, store):
    facts.status("appliance-b", Status(replicas=(OLD,)))
    first, second = OLD.points
    marked = (first.model_copy(update={"held": "for the audit"}), second.model_copy(update={"damaged": True}))
    now = OLD.model_copy(update={"points": marked})
    facts.status("appliance-b", change(now=now))
    with store.reading() as tx:
        assert tx.statuses.get("m1").replica == now


def test_what_could_not_be_kept_is_asked_for_with_all_else(facts, store, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(store, "reading", refuse)
        with pytest.raises(errors.StoreUnavailable):
            facts.status("appliance-b", Status(replicas=(OLD,)))
    assert facts.status("appliance-b", Status()) == FullReportRequest()


def refuse():
    raise errors.StoreUnavailable("The database does not answer.")


def test_a_change_of_what_was_never_told_is_not_believed_but_asked_for(facts, store):
    assert facts.status("appliance-b", change()) == FullReportRequest(machine_ids=("m1",))
    assert latest(facts, store).replica is None


def test_a_change_of_something_else_than_is_known_is_not_believed_but_asked_for(facts, store):
    facts.status("appliance-b", Status(replicas=(replica_status(points=[point(7)]),)))
    assert facts.status("appliance-b", change()) == FullReportRequest(machine_ids=("m1",))
    assert shown(facts, store) == ["p7"]


def test_after_a_connection_ended_nothing_is_believed_until_it_was_told_whole(facts, store):
    facts.status("appliance-b", Status(replicas=(OLD,)))
    facts.connected(hello("appliance-b"))
    assert facts.status("appliance-b", change()) == FullReportRequest(machine_ids=("m1",))
    assert shown(facts, store) == ["p1", "p2"]


def test_what_was_taken_over_is_not_changed_by_what_the_other_side_says_still(facts, store):
    """The review's attack on deltas: an appliance that no longer has the role goes on with its own."""
    facts.status("appliance-b", Status(replicas=(OLD,)))
    with store.transaction() as tx:
        tx.machines.put(
            machine(epoch=2, source_appliance_id="appliance-b", target_appliance_id="appliance-a")
        )
    turned = replica_status(epoch=2, points=[point(9)])
    facts.status("appliance-a", Status(replicas=(turned,)))
    facts.status("appliance-b", change())
    facts.status("appliance-b", Status(replica_figures=(changes.figures(OLD),)))
    assert shown(facts, store) == ["p9"]


def test_it_is_asked_for_every_five_seconds_at_most(facts, clock):
    asked = []
    for _ in range(12):
        asked.append(facts.status("appliance-b", change()))
        clock.now += timedelta(seconds=1)
    assert [each is not None for each in asked] == [True, *[False] * 4] * 2 + [True, False]


def test_an_appliance_that_says_no_changes_is_asked_for_nothing(facts, store, clock):
    facts.connected(hello("appliance-c", says_changes=False))
    assert facts.status("appliance-c", Status(replicas=(OLD,))) is None


def test_what_was_not_understood_is_asked_for_with_all_else(facts, store):
    facts.status("appliance-b", Status(replicas=(OLD,)))
    facts.missed("appliance-b")
    assert facts.status("appliance-b", change()) == FullReportRequest()
    assert shown(facts, store) == ["p1", "p2"]


def test_a_malformed_change_spoils_its_machine_alone_which_is_told_whole_again(facts, store):
    facts.status("appliance-b", Status(replicas=(OLD,)))
    said = json.loads(change().model_dump_json())
    said["replica_changes"][0]["came"][0]["taken_at"] = "yesterday"
    said["replica_figures"] = [json.loads(changes.figures(replica_status("m2")).model_dump_json())]
    status, without = control.without_malformed(json.dumps(said))
    assert "m1" in without
    assert [each.machine_id for each in status.replica_figures] == ["m2"]
    facts.status("appliance-b", status)
    assert facts.status("appliance-b", Status(replica_figures=(changes.figures(OLD),))) is None
    assert shown(facts, store) == ["p1", "p2"]


def test_what_is_not_said_again_is_seen_as_often_as_its_appliance_is_heard(facts, store, clock):
    facts.status("appliance-a", Status(sources=(source_status(),)))
    clock.now += timedelta(minutes=2)
    facts.status("appliance-a", Status())
    assert latest(facts, store).source_at == clock.now
    with store.reading() as tx:
        assert tx.statuses.get("m1").source_at == clock.now


@pytest.mark.parametrize("how", ["gone", "disconnected"])
def test_what_is_gone_stays_as_it_was_seen_last(facts, store, clock, how):
    facts.status("appliance-a", Status(sources=(source_status(),)))
    clock.now += timedelta(minutes=2)
    if how == "gone":
        facts.status("appliance-a", Status(sources_gone=("m1",)))
    else:
        facts.disconnected("appliance-a")
    seen_at = latest(facts, store).source_at
    clock.now += timedelta(minutes=2)
    facts.status("appliance-a", Status())
    assert (seen_at, latest(facts, store).source_at) == (NOW, NOW)


def test_what_an_appliance_says_otherwise_now_is_not_confirmed_although_that_does_not_count(
    facts, store, clock
):
    facts.status("appliance-a", Status(sources=(source_status(),)))
    clock.now += timedelta(minutes=2)
    facts.status("appliance-a", Status(sources=(source_status(epoch=3),)))
    facts.status("appliance-a", Status())
    record = latest(facts, store)
    assert (record.source.epoch, record.source_at) == (1, NOW)


def test_after_the_vault_s_clock_was_set_back_nothing_was_seen_later_than_now(facts, store, clock):
    facts.status("appliance-a", Status(sources=(source_status(),)))
    clock.now -= timedelta(hours=1)
    facts.status("appliance-a", Status())
    assert latest(facts, store).source_at == clock.now
    facts.disconnected("appliance-a")
    assert latest(facts, store).source_at == clock.now


@pytest.mark.parametrize("seconds", [1, 25])
def test_a_machine_that_is_protected_again_under_its_id_is_stored_again(facts, store, clock, seconds):
    """As by the retry of an enable, before anybody has forgotten what was heard of it."""
    facts.status("appliance-a", Status(sources=(source_status(),)))
    clock.now += timedelta(seconds=seconds)
    with store.transaction() as tx:
        tx.statuses.remove("m1")
        tx.machines.remove("m1")
    facts.status("appliance-a", Status(sources_gone=("m1",)))
    with store.transaction() as tx:
        tx.machines.add(machine())
    facts.status("appliance-a", Status(sources=(source_status(),)))
    with store.reading() as tx:
        assert tx.statuses.get("m1").source == source_status()


@pytest.mark.parametrize(
    ("told", "now", "of"),
    [
        (source_status(), source_status(epoch=2), changes.of_source),
        (replica_status(), replica_status(epoch=2), changes.of_replica),
    ],
)
def test_another_epoch_is_told_whole(told, now, of):
    assert of(told, now) is now


def test_a_source_that_goes_on_after_the_failover_is_a_finding_though_nothing_of_it_changes(
    facts, store, clock
):
    facts.status("appliance-a", Status(sources=(source_status(),)))
    clock.now += timedelta(minutes=1)
    left = machine(state=State.FAILED_OVER, failed_over_at=clock.now)
    clock.now += timedelta(seconds=5)
    facts.status("appliance-a", Status())
    found = findings(Situation(left, latest(facts, store), None, None, None), clock.now)
    assert "source-running-after-failover" in [each.code for each in found]


def test_the_figures_of_a_machine_at_work_are_written_within_seconds(facts, store, clock):
    facts.status("appliance-a", Status(sources=(source_status(last_seq=1),)))
    with store.transaction() as tx:
        tx.machines.put(machine(job_id="job"))
    clock.now += timedelta(seconds=6)
    facts.status("appliance-a", Status(source_figures=(changes.figures(source_status(last_seq=2)),)))
    with store.reading() as tx:
        assert tx.statuses.get("m1").source.last_seq == 2


def test_what_was_missed_already_costs_nothing_when_more_is_missed():
    heard = LatestStatuses()
    heard.keep("appliance-a", source_status(), NOW, current=True)
    heard.end("appliance-a")
    before = heard.find("m1", SourceStatus)
    heard.end("appliance-a")
    assert heard.find("m1", SourceStatus) is before
