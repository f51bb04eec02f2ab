"""A point of an instant that is to come lets nothing seem to be lost."""

from datetime import datetime, timedelta

from secondsite.vault.facade.nouns import points
from secondsite.vault.health import findings, machine_rpo
from secondsite.vault.store import StatusRecord
from tests.support.vault import NOW, machine, point, replica_status, source_status

AGO = timedelta(seconds=28)


def said(taken_at, sent_at=NOW - AGO, source_at=NOW):
    points = [point(1).model_copy(update={"taken_at": taken_at})]
    replica = replica_status(points=points, processed_at=taken_at)
    return StatusRecord("m1", source_status(sent_at=sent_at), source_at, replica, NOW)


def codes(status):
    found = findings.findings(findings.Situation(machine(), status, None, None, None), NOW)
    return [each.code for each in found]


def test_a_point_of_the_far_future_counts_as_what_the_source_sent_last_and_is_not_believed():
    status = said(datetime.fromisoformat("2999-12-31T00:00:00Z"))
    measured = machine_rpo.measure(status, NOW)
    assert (measured.rpo_seconds, measured.processed_seconds) == (28, 28)
    assert points.loses_seconds(status, status.replica.points[0], NOW) == 28
    assert "not-believed" in codes(status)


def test_a_source_whose_clock_is_ahead_has_points_that_are():
    ahead = timedelta(days=9)
    status = said(NOW + ahead, sent_at=NOW + ahead - AGO, source_at=NOW)
    assert machine_rpo.recoverable_at(status) == NOW + ahead
    assert "not-believed" not in codes(status)


def test_points_of_now_are_believed():
    status = said(NOW - timedelta(seconds=5))
    assert machine_rpo.recoverable_at(status) == NOW - timedelta(seconds=5)
    assert "not-believed" not in codes(status)
