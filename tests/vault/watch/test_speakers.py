"""A status about a machine counts only from the appliance that has the role in which it speaks."""

import dataclasses
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from pydantic import ValidationError
from structlog.testing import capture_logs

from secondsite.domain.lifecycle import State
from secondsite.vault.store import StatusRecord
from secondsite.wire import control
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control import Status
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake

FORGED = FindingShape(code="cycle-failed", what="forged", since=NOW)


@pytest.fixture
def facts(store):
    return Intake(store, lambda _signal: None, lambda: NOW)


def latest(facts, store):
    with store.reading() as tx:
        return facts.latest(tx, "m1")


def true_ones(facts):
    facts.status("appliance-a", Status(sources=(source_status(last_seq=3),)))
    facts.status("appliance-b", Status(replicas=(replica_status(points=[point(1, 10)]),)))


@pytest.mark.parametrize("epoch", [1, 2, 10**9])
@pytest.mark.parametrize("first", [True, False], ids=["before the true one", "after the true one"])
def test_an_appliance_of_a_third_site_says_nothing_of_a_machine(store, facts, epoch, first):
    """The review's attack: epoch 10^9, no findings, RPO 0, a forged point."""
    forged = Status(
        sources=(source_status(epoch=epoch, last_seq=99, sent_at=NOW + timedelta(days=1)),),
        replicas=(replica_status(epoch=epoch, points=[point(99, 0)]),),
    )
    if first:
        facts.status("appliance-c", forged)
        assert latest(facts, store) == StatusRecord("m1")
    true_ones(facts)
    facts.status("appliance-c", forged)
    seen = latest(facts, store)
    assert (seen.source.last_seq, [each.id for each in seen.replica.points]) == (3, ["p1"])
    with store.reading() as tx:
        assert tx.statuses.get("m1").source.last_seq == 3


def test_the_target_does_not_speak_for_the_source_nor_the_source_for_the_target(store, facts):
    true_ones(facts)
    facts.status("appliance-b", Status(sources=(source_status(findings=(FORGED,)),)))
    facts.status("appliance-a", Status(replicas=(replica_status(points=[point(9, 0)]),)))
    seen = latest(facts, store)
    assert seen.source.findings == ()
    assert [each.id for each in seen.replica.points] == ["p1"]


def test_after_a_reprotect_the_roles_are_those_of_the_new_direction(store, facts):
    true_ones(facts)
    with store.transaction() as tx:
        turned = dataclasses.replace(
            machine(), epoch=2, source_appliance_id="appliance-b", target_appliance_id="appliance-a"
        )
        tx.machines.put(turned)
    facts.status("appliance-b", Status(sources=(source_status(epoch=2, last_seq=7),)))
    facts.status("appliance-a", Status(sources=(source_status(epoch=2, last_seq=8),)))
    assert latest(facts, store).source.last_seq == 7


def test_a_vault_that_starts_while_the_target_is_away_hears_the_source_beside_the_replica_that_it_left(
    store, facts
):
    """The machine is on its way back: its source holds the replica of the first direction, too."""
    turn = {"source_appliance_id": "appliance-b", "target_appliance_id": "appliance-a", "epoch": 2}
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), **turn))
    facts.status("appliance-b", Status(sources=(source_status(epoch=2, last_seq=3),)))
    facts.status("appliance-a", Status(replicas=(replica_status(epoch=2),)))
    after = Intake(store, lambda _signal: None, lambda: NOW)
    left = replica_status(epoch=1, points=[point(1, 10)])
    after.status("appliance-b", Status(sources=(source_status(epoch=2, last_seq=7),), replicas=(left,)))
    seen = latest(after, store)
    assert (seen.source.last_seq, seen.replica.epoch) == (7, 2)


def test_a_vault_that_has_just_adopted_a_machine_at_home_hears_nothing_of_the_replica_that_it_left(
    store, facts
):
    """Nothing of it was heard before, and at home it has no replica."""
    turn = {"source_appliance_id": "appliance-b", "target_appliance_id": "appliance-a", "epoch": 2}
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.get("m1"), state=State.COMMITTED, **turn))
    left = replica_status(epoch=1, findings=(FORGED,))
    facts.status("appliance-b", Status(replicas=(left,)))
    assert latest(facts, store) == StatusRecord("m1")


def test_while_it_is_reprotected_the_side_that_it_will_have_is_heard(store, facts):
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(machine(), state=State.REPROTECTING))
    facts.status("appliance-c", Status(replicas=(replica_status(epoch=2),)))
    facts.status("appliance-a", Status(replicas=(replica_status(epoch=2, points=[point(2, 0)]),)))
    assert [each.id for each in latest(facts, store).replica.points] == ["p2"]


def test_a_machine_that_the_vault_does_not_know_is_remembered_for_nobody(facts, store):
    facts.status("appliance-c", Status(sources=(source_status(machine_id="nobody"),)))
    with store.reading() as tx:
        assert facts.latest(tx, "nobody") == StatusRecord("nobody")


def test_what_does_not_count_is_told_once(facts):
    with capture_logs() as logs:
        for number in range(500):
            facts.status("appliance-c", Status(sources=(source_status(machine_id=f"m{number}"),)))
    told = [each for each in logs if each["event"] == "status.not-counted"]
    assert [each["appliance"] for each in told] == ["appliance-c"]


def message(**changes):
    """A status as it lies on the wire."""
    status = Status(sources=(source_status(),), replicas=(replica_status(points=[point(1, 10)]),), at=NOW)
    body = json.loads(status.model_dump_json())
    for path, value in changes.items():
        at, *rest = path.split("__")
        place = body
        while rest:
            place = place[int(at) if at.isdigit() else at]
            at, *rest = rest
        place[at] = value
    return json.dumps(body)


ODD: dict[str, list[Any]] = {
    "at": ["2026-11-21T08:00:00", "9999-12-31T23:59:59Z", "yesterday"],
    "sources__0__sent_at": ["2026-11-21T08:00:00", "0001-01-01T00:00:00Z"],
    "sources__0__epoch": [-1, 2**63, 10**30],
    "sources__0__last_seq": [10**30],
    "sources__0__sync_fraction": [float("nan"), float("inf")],
    "sources__0__machine_id": ["x" * 1000],
    "sources__0__findings": [[{"code": "cycle-failed", "what": "x", "since": "2026-11-21T08:00:00"}]],
    "replicas__0__points__0__taken_at": ["2026-11-21T08:00:00", "9999-12-31T23:59:59Z"],
    "replicas__0__points__0__consistency": ["evil"],
    "replicas__0__store_bytes": [10**30],
    "replicas__0__runs": [["x"] * 10_000],
}


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, values in ODD.items() for value in values],  # noqa: E501
                         ids=lambda each: ascii(each)[:40])  # fmt: skip
def test_a_status_with_an_odd_value_is_not_understood(path, value):
    control.parse(message())
    with pytest.raises(ValidationError):
        control.parse(message(**{path: value}))


def test_what_a_former_vault_kept_of_a_status_that_is_not_understood_is_as_if_it_was_not_said(
    store, facts, tmp_path
):
    true_ones(facts)
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'vault.db'}")
    naive = json.loads(source_status().model_dump_json()) | {"sent_at": "2026-11-21T08:00:00"}
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("UPDATE machine_statuses SET source = :said"), {"said": json.dumps(naive)}
        )
    engine.dispose()
    with store.reading() as tx:
        kept = tx.statuses.get("m1")
    assert kept.source is None
    assert isinstance(kept.replica.points[0].taken_at, datetime)


def test_a_sentence_of_a_megabyte_is_cut_off():
    said = FindingShape(code="cycle-failed", what="x" * 10**6, since=NOW)
    assert len(said.what) == 4000
