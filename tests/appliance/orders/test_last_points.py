"""The end of protection keeps what may be all that is left of a machine: recovery points, or old disks."""

import uuid

import pytest

from rig.appliances import runs
from secondsite.wire.control.orders import FabricMachine, Kind, RemoveReplica, StopReplication

pytestmark = pytest.mark.slow

END_AT_TARGET = RemoveReplica(keep_running=True, ended=True, keep_points=True)


def end_at_source(**more):
    return StopReplication(forget=True, ended=True, restore_machine=True, **more)


def test_the_points_of_a_failed_over_machine_of_which_there_is_no_copy_stay(pair):
    """Its point was to be changed, and neither the new one nor the old one started."""
    pair.protect().synchronized()
    point_id = pair.point_now()
    runs.stop(pair, "failover", runs.fail_over(pair, point_id))
    content = pair.point_bytes(point_id)
    report = pair.target.order(Kind.REMOVE_REPLICA, END_AT_TARGET, pair.machine_id)
    assert str(pair.target.replica_folder(pair.machine_id)) in report.sentence
    assert pair.point_bytes(point_id) == content
    assert pair.target.appliance.host.find(pair.machine_id) is None
    assert pair.target.order(Kind.REMOVE_REPLICA, END_AT_TARGET, pair.machine_id).problem is None
    assert pair.point_bytes(point_id) == content


def test_what_an_undefined_copy_wrote_stays_with_its_points(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    fabric_id = runs.fail_over(pair, point_id)
    written = pair.target.disk_path(fabric_id)
    pair.target.fabric.power.stop(fabric_id)
    pair.target.fabric.hosting.withdraw(fabric_id, pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, END_AT_TARGET, pair.machine_id)
    assert written.exists()
    assert pair.point_bytes(point_id)


def protected_back(pair):
    """The machine runs at the other site and is protected back to here; a point that was taken since."""
    pair.protect().synchronized()
    reverse = runs.turned(pair, runs.fail_over(pair, pair.point_now()))
    return reverse, reverse.point_now()


def test_the_points_of_a_later_direction_than_the_vault_knows_stay_if_the_other_site_may_be_gone(pair):
    reverse, point_id = protected_back(pair)
    content = reverse.point_bytes(point_id)
    report = pair.source.order(Kind.STOP_REPLICATION, end_at_source(keep_later_than=1), pair.machine_id)
    assert str(pair.source.replica_folder(pair.machine_id)) in report.sentence
    assert reverse.point_bytes(point_id) == content
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None, "they lie on its disks"
    pair.source.do(Kind.STOP_REPLICATION, end_at_source(keep_later_than=1), pair.machine_id)
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None


@pytest.mark.parametrize("keep_later_than", [None, 2])
def test_those_of_a_direction_that_the_vault_knows_go_and_the_old_machine_is_defined_again(
    pair, keep_later_than
):
    protected_back(pair)
    payload = end_at_source(keep_later_than=keep_later_than)
    pair.source.do(Kind.STOP_REPLICATION, payload, pair.machine_id)
    assert not pair.source.replica_folder(pair.machine_id).exists()
    assert pair.source.fabric.inventory.get(pair.fabric_id) is not None


def test_the_undo_of_a_reprotect_whose_new_source_is_gone_leaves_its_points_and_their_base(pair):
    """A restored vault resumed it, and it had succeeded long ago."""
    reverse, point_id = protected_back(pair)
    content = reverse.point_bytes(point_id)
    undo = RemoveReplica(
        restore_machine=True, still_protected=True, fabric_id=pair.fabric_id, keep_points=True
    )
    pair.source.do(Kind.REMOVE_REPLICA, undo, pair.machine_id)
    assert reverse.point_bytes(point_id) == content
    assert pair.source.fabric.inventory.get(pair.fabric_id) is None


def test_the_points_of_an_epoch_that_the_database_does_not_know_stay_too(pair):
    """It is from an old backup; the files are not."""
    pair.protect().synchronized()
    point_id, hosted = pair.point_now(), pair.target.replica(pair.machine_id)
    hosted.save(setup=hosted.setup.model_copy(update={"epoch": 0}))
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_points=True), pair.machine_id)
    assert pair.point_bytes(point_id)


def test_points_that_were_left_are_taken_up_again_by_a_retry(pair):
    pair.protect().synchronized()
    point_id = pair.point_now()
    pair.pause()
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_points=True), pair.machine_id)
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    assert point_id in [point.id for point in pair.status().points]


def went_home(pair):
    """It ran at the other site and was removed there by the commit of its failback; its id and its disks
    there."""
    away = runs.fail_over(pair, pair.protect().synchronized().point_now())
    reverse = runs.turned(pair, away)
    content = pair.target.read(away)
    pair.target.fabric.power.stop(away)
    reverse.pause()
    pair.target.do(Kind.REMOVE_MACHINE, FabricMachine(fabric_id=away), pair.machine_id)
    return away, content


def test_the_machine_that_went_home_is_given_back_if_its_home_may_be_gone(pair):
    """The other site burned down before the next reprotect."""
    away, content = went_home(pair)
    payload = StopReplication(forget=True, ended=True, keep_later_than=2, fabric_id=away)
    for _ in range(2):
        pair.target.do(Kind.STOP_REPLICATION, payload, pair.machine_id)
    assert pair.target.fabric.inventory.get(away).tag is None
    pair.target.fabric.power.start(away)
    assert pair.target.read(away) == content


def test_its_disks_go_if_it_was_seen_at_home(pair):
    away, _content = went_home(pair)
    payload = StopReplication(forget=True, ended=True, fabric_id=away)
    pair.target.do(Kind.STOP_REPLICATION, payload, pair.machine_id)
    assert not pair.target.replica_folder(pair.machine_id).exists()
    assert pair.target.fabric.inventory.get(away) is None
    undo = RemoveReplica(restore_machine=True, still_protected=True, fabric_id=away)
    pair.target.do(Kind.REMOVE_REPLICA, undo, pair.machine_id)
    assert pair.target.fabric.inventory.get(away) is None, "it has no disks any more"


def test_an_order_for_a_machine_that_was_never_here_leaves_nothing(pair):
    pair.source.do(Kind.STOP_REPLICATION, end_at_source(keep_later_than=1), uuid.uuid4().hex)
    assert not list(pair.source.config.store.glob("replicas/*"))
