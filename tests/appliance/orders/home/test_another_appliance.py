"""A machine came home with another appliance of the hypervisor that it left: what the first one still has
to do there hurts it not."""

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, start
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import CommitPoint, Kind, ShutDown, Withdraw

pytestmark = pytest.mark.slow


@pytest.fixture
def home_with_another(pair, make_site):
    """The appliance of home was lost, and another one of the same hypervisor took its place."""
    first, second = pair.source, make_site("a-2")
    second.root, second.fabric = first.root, simulated.open_fabric(first.root)
    second.restart()
    pair.protect().synchronized()
    home, point_id = pair.definition(), pair.point_now()
    away = fail_over(pair, point_id)
    first.stop()
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    second.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    back = Pair(pair.target, second, away, pair.machine_id)
    back.epoch = 2
    second.do(
        Kind.PREPARE_REPLICA,
        back.replica_setup(definition=home, existing_fabric_id=pair.fabric_id),
        pair.machine_id,
    )
    back.source.do(Kind.START_REPLICATION, back.source_setup(sync=SyncMode.COPY), pair.machine_id)
    back.synchronized()
    back.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    last = back.point_now(final=True)
    start(back, "failover", last, name="web01", fabric_id=pair.fabric_id, home=True)
    second.do(Kind.COMMIT_POINT, CommitPoint(point_id=last), pair.machine_id)
    return pair, second


def left_for(pair):
    """What the vault left for the first one while that was away."""
    return pair.source.order(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id, left=True), pair.machine_id)


def test_what_was_left_for_the_first_one_does_not_cut_the_power_of_the_machine_that_came_home(
    home_with_another,
):
    pair, second = home_with_another
    pair.source.start()
    eventually(lambda: second.fabric.inventory.get(pair.fabric_id).start_forbidden)
    for _ in range(2):  # the order may be repeated
        assert "is no old copy" in left_for(pair).sentence
    assert second.fabric.power.state(pair.fabric_id) is PowerState.RUNNING
    assert not second.fabric.inventory.get(pair.fabric_id).start_forbidden, "it could not start again"
    assert pair.source.appliance.replication.find(pair.machine_id) is None
    assert pair.source.appliance.replication.fences.find(pair.machine_id) is None


def test_an_old_copy_that_is_left_with_the_first_one_is_withdrawn(pair):
    pair.protect().synchronized()
    fail_over(pair, pair.point_now())
    assert "withdrew" in left_for(pair).sentence
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None
