"""A replica that its appliance forgot with its database is told of again: what lies in the store is taken up, and nothing is made."""

import pytest

from rig.errors import OrderFailed
from secondsite.wire.control.orders import AcceptCycles, Kind


def forgets(site):
    site.stop()
    for path in site.config.home.glob("appliance.db*"):
        path.unlink()
    site.start()


def told_again(pair):
    return pair.target.order(Kind.PREPARE_REPLICA, pair.replica_setup(lies_here=True), pair.machine_id)


def test_all_points_that_lie_in_the_store_are_there_again(pair):
    pair.protect().synchronized()
    point = pair.point_now()
    forgets(pair.target)
    with pytest.raises(OrderFailed, match="no replica of machine"):
        pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id)
    assert told_again(pair).problem is None
    assert point in [each.id for each in pair.status().points]
    pair.point_now()


def test_where_none_lies_none_is_made(pair):
    assert told_again(pair).problem.code == "not-found"
    assert not pair.target.replica_folder(pair.machine_id).exists()
