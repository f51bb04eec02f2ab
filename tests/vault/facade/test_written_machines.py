"""A machine is written once for all that it shows, and what is answered is what it shows now."""

import dataclasses
from datetime import timedelta

import pytest

from secondsite.domain.lifecycle import State
from secondsite.domain.policies import ReplicationPolicy
from secondsite.vault.facade.shared import machine_shapes, prerendered_machines
from secondsite.vault.health import findings
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import ApplianceRecord, StatusRecord
from secondsite.wire import rest
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control.statuses import OldCopyStatus
from tests.support.vault import NOW, machine, point, replica_status, source_status

SOON = NOW + timedelta(seconds=5)
LATE = NOW + timedelta(days=80)


@pytest.fixture
def made(monkeypatch):
    """How often a machine was described."""
    found, described = [], machine_shapes.described

    def counted(*given):
        found.append(given)
        return described(*given)

    monkeypatch.setattr(machine_shapes, "described", counted)
    return found


def appliance(name, **changes):
    record = ApplianceRecord(
        f"appliance-{name}", name, name, NOW, NOW + timedelta(days=90), NOW, connected=True
    )
    return dataclasses.replace(record, **changes)


def situation(**changes):
    values = {
        "machine": machine(),
        "status": StatusRecord("m1", source_status(sent_at=NOW), NOW, replica_status(points=[point(1)]), NOW),
        "policy": ReplicationPolicy("default"),
        "source": appliance("a"),
        "target": appliance("b"),
    }  # fmt: skip
    return Situation(**{**values, **changes})


def said(known, **changes):
    return dataclasses.replace(known, status=dataclasses.replace(known.status, **changes))


def differs(known):
    """The same version of a machine, with one thing that differs."""
    clock = FindingShape(code="clock-skew", what="It is late.", since=NOW)
    yield said(known, source=source_status(sent_at=NOW, power="off"))
    yield said(known, source=source_status(sent_at=NOW, findings=(clock,)))
    yield said(known, source=source_status(sent_at=NOW, total_wire_bytes=7))
    yield said(known, replica=replica_status(points=[point(1), point(2)]))
    yield said(known, replica=replica_status(points=[point(1, committed=True)]))
    yield said(known, replica=replica_status(points=[point(1)], runs=("failover",)))
    yield said(known, replica=None)
    yield said(known, source=None, source_at=None)
    running = OldCopyStatus(machine_id="m1", power="running")
    yield said(known, old_copy=running, old_copy_at=SOON, replica=replica_status(runs=("failover",)))
    for one in (appliance("c"), appliance("a", connected=False), None):
        yield dataclasses.replace(known, source=one)
        yield dataclasses.replace(known, target=one)
    seen = appliance("a", connected=False, last_seen_at=SOON)
    yield dataclasses.replace(known, source=seen)
    yield dataclasses.replace(known, policy=ReplicationPolicy("default", rpo_threshold_seconds=60))
    yield dataclasses.replace(known, policy=None)
    yield dataclasses.replace(known, certificate_lifetime=timedelta(days=1000))
    yield dataclasses.replace(known, ca_ends_at=SOON)
    yield dataclasses.replace(known, listens_since=LATE)
    yield dataclasses.replace(known, machine=dataclasses.replace(known.machine, state=State.FAILED_OVER))


def test_an_old_copy_counts_once_it_was_seen_after_the_failover(made):
    known = situation(machine=machine(state=State.FAILED_OVER, failed_over_at=NOW))
    known = said(known, source=source_status(sent_at=NOW, power="running"))
    seen = [said(known, source_at=NOW + timedelta(seconds=each)) for each in (-1, 0, 1, 2, 3)]
    for each in seen:
        shown = machine_shapes.protected(each, (), LATE)
        assert prerendered_machines.machine(each, LATE).text == shown.model_dump_json()
    codes = [[one.code for one in findings.findings(each, NOW)] for each in seen]
    assert codes == [[], [], *3 * [["source-running-after-failover"]]]
    made.clear()
    for each in seen[2:]:
        prerendered_machines.machine(each, LATE + timedelta(seconds=1))
    assert not made


def test_an_old_copy_that_counted_counts_no_more_when_the_clock_was_set_back():
    known = situation(machine=machine(state=State.FAILED_OVER, failed_over_at=NOW))
    known = said(known, source=source_status(sent_at=NOW, power="running"), source_at=SOON)
    prerendered_machines.machine(known, NOW - timedelta(seconds=1))
    again = said(known, source_at=NOW)
    shown = machine_shapes.protected(again, (), NOW)
    assert prerendered_machines.machine(again, NOW).text == shown.model_dump_json()


def test_findings_are_found_again_when_the_clock_comes_to_where_they_turn(monkeypatch):
    known, found = situation(), findings.findings
    times: list[int] = []

    def counted(*given):
        times.append(1)
        return found(*given)

    monkeypatch.setattr(findings, "findings", counted)
    threshold = timedelta(seconds=known.policy.rpo_threshold_seconds)
    newest = known.status.replica.points[0].taken_at
    known = said(known, source_at=newest + threshold, replica_at=newest + threshold)  # nobody is silent
    for at, count in (
        (newest, 1),
        (newest + threshold, 1),
        (newest + threshold + timedelta(seconds=1), 2),
        (newest + threshold + timedelta(seconds=2), 3),
        (newest, 4),
        (newest - timedelta(seconds=1), 5),
    ):
        prerendered_machines.machine(known, at)
        assert len(times) == count, at


def test_it_is_written_as_it_is_whatever_was_before():
    known = situation()
    for other in differs(known):
        for each, at in (
            (known, NOW),
            (other, NOW),
            (known, SOON),
            (other, SOON),
            (other, LATE),
            (known, LATE),
        ):
            shown = machine_shapes.protected(each, (), at)
            assert prerendered_machines.machine(each, at).text == shown.model_dump_json()
            assert prerendered_machines.machine(each, at).health is shown.health


def test_while_only_its_age_changes_it_is_not_described_again(made):
    known = situation()
    texts = {prerendered_machines.machine(known, NOW + timedelta(seconds=each)).text for each in range(10)}
    like_it = said(known, replica=replica_status(points=[point(1)]))
    prerendered_machines.machine(like_it, NOW)
    assert (len(texts), len(made)) == (10, 1)


def test_a_page_is_written_as_its_shape_is():
    two = [situation(), situation(machine=machine("m2", 'a "quoted" näme, "rpo":{}'))]
    shape = rest.MachinePage(
        items=tuple(machine_shapes.protected(each, (), NOW) for each in two), next="WzEsMl0"
    )
    items = [prerendered_machines.machine(each, NOW) for each in two]
    assert prerendered_machines.page(items, "WzEsMl0") == shape.model_dump_json()
    assert prerendered_machines.page([], None) == rest.MachinePage(items=()).model_dump_json()
