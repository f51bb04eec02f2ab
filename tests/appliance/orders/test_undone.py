"""What undoes a reprotect takes away what that reprotect made, and nothing else: a restored vault may have
ordered it."""

from pathlib import Path

import pytest

from rig.appliances import Pair, runs
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground.units import MiB
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.checks import CheckTarget, ReplicaRequest
from secondsite.wire.control.orders import CommitPoint, FabricMachine, Kind, RemoveReplica, ShutDown, Withdraw
from secondsite.wire.control.setups import Base

pytestmark = pytest.mark.slow


def undo(site, machine_id, job):
    """Twice: the order may be repeated."""
    payload = RemoveReplica(restore_machine=True, still_protected=True, made_by=job)
    for _ in range(2):
        site.do(Kind.REMOVE_REPLICA, payload, machine_id)


@pytest.mark.parametrize("undefined", [False, True])
def test_the_undo_of_a_reprotect_leaves_a_failover_copy_that_its_vault_has_forgotten(pair, undefined):
    pair.protect().synchronized()
    away = runs.fail_over(pair, pair.point_now())
    pair.target.write(away, 0, noise(MiB))
    content, record = pair.target.read(away), Host(pair.target.root).records.need(away)
    if undefined:  # it runs on another host now
        pair.target.fabric.power.stop(away)
        Host(pair.target.root).records.delete(away)
    setup = pair.replica_setup(made_by="a restored vault's job")
    assert pair.target.order(Kind.PREPARE_REPLICA, setup, pair.machine_id).problem is not None
    undo(pair.target, pair.machine_id, setup.made_by)
    if undefined:
        Host(pair.target.root).records.save(record.having(runs_in=None, nodes={}))
        pair.target.fabric.power.start(away)
    assert pair.target.read(away) == content


def test_what_a_reprotect_made_goes_with_it(pair):
    pair.protect().synchronized()
    runs.turned(pair, runs.fail_over(pair, pair.point_now()))
    hosted = pair.source.replica(pair.machine_id)
    hosted.save(setup=hosted.setup.model_copy(update={"made_by": "job"}))
    undo(pair.source, pair.machine_id, "another job")
    assert pair.source.appliance.host.find(pair.machine_id) is not None
    undo(pair.source, pair.machine_id, "job")
    assert pair.source.appliance.host.find(pair.machine_id) is None
    assert pair.source.fabric.inventory.get(pair.fabric_id) is not None


def came_home(pair, away):
    """Failed over, and home again by a failback that was committed; the old copy's disks stay at the other
    site."""
    reverse = runs.turned(pair, away)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    point_id = reverse.point_now(final=True)
    reverse.pause()
    runs.start(reverse, "failover", point_id, name=pair.name, fabric_id=pair.fabric_id, home=True)
    pair.source.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    pair.source.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id), pair.machine_id)
    again = Pair(pair.source, pair.target, pair.fabric_id, pair.machine_id)
    again.epoch = 3
    return again


def obstacles(again, away):
    wanted = ReplicaRequest(
        epoch=again.epoch, base=Base.EXISTING, existing_fabric_id=away, disks=("vda",), sizes={}
    )
    return again.target.do(Kind.CHECK_TARGET, CheckTarget(replica=wanted), again.machine_id)["obstacles"]


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_reprotect_onto_the_disks_of_an_old_copy_can_be_undone_and_given_again(pair, snapshot):
    """Its owner may have put a snapshot above them."""
    pair.protect().synchronized()
    away = runs.fail_over(pair, pair.point_now())
    if snapshot:
        simulated.take_snapshot(pair.target.root, away, "vda")
        pair.target.write(away, 0, noise(MiB))
    again = came_home(pair, away)
    pair.target.do(Kind.WITHDRAW, Withdraw(fabric_id=away), pair.machine_id)
    for job in ("first job", "second job"):
        assert obstacles(again, away) == []
        setup = again.replica_setup(base=Base.EXISTING, existing_fabric_id=away, made_by=job)
        pair.target.do(Kind.PREPARE_REPLICA, setup, pair.machine_id)
        if job == "first job":
            undo(pair.target, pair.machine_id, job)
    pair.source.do(Kind.START_REPLICATION, again.source_setup(sync=SyncMode.COMPARE), pair.machine_id)
    assert again.synchronized().point_bytes(again.point_now()) == pair.source.read(pair.fabric_id)


def test_a_reprotect_onto_new_disks_is_refused_where_an_old_replica_is_before_anything_is_done(pair):
    pair.protect().synchronized()
    again = came_home(pair, runs.fail_over(pair, pair.point_now()))

    def obstacles(base):
        check = CheckTarget(replica=ReplicaRequest(epoch=again.epoch, base=base))
        return pair.target.do(Kind.CHECK_TARGET, check, pair.machine_id)["obstacles"]

    assert obstacles(Base.EXISTING) == []
    [obstacle] = obstacles(Base.EMPTY)
    assert "reprotect to the original location" in obstacle["do"]


def test_the_disks_of_a_failover_copy_stay_that_its_owner_undefined(pair):
    """It may run on another host; a vault that was restored from before the failover ends protection."""
    pair.protect().synchronized()
    away = runs.fail_over(pair, pair.point_now())
    disk = Path(pair.target.fabric.inventory.get(away).definition.disks[0].path)
    pair.target.fabric.power.stop(away)
    content = disk.read_bytes()
    Host(pair.target.root).records.delete(away)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(ended=True), pair.machine_id)
    assert disk.read_bytes() == content
