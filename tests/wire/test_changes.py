"""A replica's points as changes: what did not change is not looked at again, and what was missed is
noticed all the same."""

import pytest

from secondsite.wire.control import changes
from secondsite.wire.control.statuses import ReplicaStatus
from tests.support.vault import point

POINTS = tuple(point(seq) for seq in range(5))
TOLD = ReplicaStatus(machine_id="m1", epoch=1, accepting=True, synchronized=True, points=POINTS)


def change(**now):
    made = changes.of_replica(TOLD, TOLD.model_copy(update=now))
    assert isinstance(made, changes.ReplicaChange)
    return made


def test_points_that_did_not_change_stay_the_same_objects():
    after = changes.changed(TOLD, change(accepting=False), changes.digest(POINTS))
    assert after == TOLD.model_copy(update={"accepting": False})
    assert after is not None
    assert after.points is TOLD.points


@pytest.mark.parametrize("known", [None, changes.digest(POINTS)])
def test_a_change_against_other_points_is_noticed(known):
    told = TOLD.model_copy(update={"points": POINTS[1:]})
    digest = known and changes.digest(told.points)
    assert changes.changed(told, change(accepting=False), digest) is None
    assert changes.changed(told, change(points=(*POINTS, point(9))), digest) is None


def test_a_change_of_points_is_made_from_them_whatever_their_digest_was():
    newer = (*POINTS[1:], point(9))
    after = changes.changed(TOLD, change(points=newer), "another")
    assert after is not None
    assert after.points == newer
