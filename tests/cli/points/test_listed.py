"""What stands out in the list of a machine's points."""

from datetime import UTC, datetime

import pytest

from secondsite.cli.nouns.point import _mark
from secondsite.wire import rest
from secondsite.wire.common.points import PointShape

AT = datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)


def failover(point_id, forward=None):
    return rest.CurrentFailover(point_id=point_id, rolled_forward_to=forward, what="it", at=AT)


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        (None, "committed"),
        (failover("p1"), "committed"),
        (failover("p2", AT), "committed"),
        (failover("p1", AT), "committed, rolled forward to 2026-11-20 08:15:30Z"),
    ],
)
def test_a_committed_point_says_from_which_instant_after_it_the_machine_was_started(begun, told):
    assert _mark(PointShape(id="p1", taken_at=AT, epoch=1, seq=1, committed=True), begun) == told


def test_a_point_that_is_damaged_says_so_and_others_say_nothing():
    of = {"id": "p1", "taken_at": AT, "epoch": 1, "seq": 1}
    assert _mark(PointShape(**of, damaged=True, committed=True), None) == "DAMAGED"
    assert _mark(PointShape(**of), failover("p1", AT)) == ""


def test_a_point_that_was_made_by_a_comparison_says_so_beside_its_consistency():
    of = {"id": "p1", "taken_at": AT, "epoch": 1, "seq": 1}
    assert [PointShape(**of, compared=made).kind for made in (False, True)] == ["crash", "crash, compared"]
