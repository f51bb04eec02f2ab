"""A committed machine's disks move from the replica that it stands on to the site's own storage."""

import re
import threading
import uuid

import pytest

from rig import dying
from rig.appliances.runs import back, fail_over, turned
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.orders import settle
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams, threads
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control import Order
from secondsite.wire.control.orders import CommitPoint, DiskPlace, FabricMachine, Kind, Nothing, Settle
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow
SEAMS = ["fabric.settle.noted", "fabric.settle.made", "fabric.settle.copying", "fabric.settle.equal",
         "fabric.settle.marked", "fabric.settle.moved", "appliance.settle.moved",
         "appliance.replica.removed"]  # fmt: skip


@pytest.fixture
def pool(tmp_path):
    folder = tmp_path / "pool"
    folder.mkdir()
    return folder


def request(fabric_id, folder, **more):
    return Settle(fabric_id=fabric_id, place=DiskPlace(place=str(folder), format="qcow2"), **more)


def order(kind, payload, machine_id, generation):
    return Order(
        order_id=uuid.uuid4().hex, kind=kind, machine_id=machine_id, payload=payload.model_dump(mode="json"),
        deadline_seconds=30, generation=generation,
    )  # fmt: skip


def committed(pair):
    """Its machine runs at the target for good; what it holds, and its id there."""
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    point = pair.point_now()
    away = fail_over(pair, point)
    pair.target.write(away, 3 * MiB, noise(1 * MiB))
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point), pair.machine_id)
    return away, pair.target.read(away)


def lies_in(site, fabric_id, folder):
    return site.disk_path(fabric_id).is_relative_to(folder)


def test_a_committed_machine_settles_while_it_runs_and_the_store_keeps_nothing_of_it(pair, pool):
    away, content = committed(pair)
    b, replica = pair.target, pair.target.replica_folder(pair.machine_id)
    b.do(Kind.CHECK_SETTLE, request(away, pool), pair.machine_id)
    assert replica.exists()
    for _ in range(2):
        b.do(Kind.SETTLE, request(away, pool), pair.machine_id)
    assert lies_in(b, away, pool)
    assert b.fabric.power.state(away) is PowerState.RUNNING
    assert b.read(away) == content
    assert not replica.exists()
    reverse = back(pair, away)
    b.write(away, 2 * MiB, noise(64 * KiB))
    point = reverse.point_now()
    assert reverse.point_bytes(point) == b.read(away)
    assert fail_over(reverse, point)


def test_a_machine_that_is_protected_back_settles_and_its_next_cycle_sends_only_what_it_wrote(pair, pool):
    away, _ = committed(pair)
    reverse = turned(pair, away)
    reverse.point_now()
    reverse.source.write(away, 1 * MiB, noise(64 * KiB))
    reverse.source.do(Kind.SETTLE, request(away, pool), pair.machine_id)
    reverse.source.write(away, 2 * MiB, noise(64 * KiB))
    facts = reverse.cycle_now(seal=True)
    point, sent = facts["point_id"] or reverse.point_now(), facts["changed_bytes"]
    assert reverse.point_bytes(point) == reverse.source.read(away)
    assert sent < 512 * KiB
    assert not pair.target.replica_folder(pair.machine_id).exists()
    assert fail_over(reverse, point)


@pytest.mark.parametrize("seam", SEAMS)
def test_an_appliance_that_dies_at_any_seam_goes_on_and_nothing_is_lost(pair, pool, seam):
    away, _ = committed(pair)
    reverse = turned(pair, away)
    reverse.point_now()
    seams.arm(dying.at(seam))
    with pytest.raises(dying.Killed):
        pair.target.do(Kind.SETTLE, request(away, pool), pair.machine_id)
    seams.arm(None)
    pair.target.restart()
    pair.target.write(away, 1 * MiB, noise(64 * KiB))
    content = pair.target.read(away)
    pair.target.do(Kind.SETTLE, request(away, pool), pair.machine_id)
    assert lies_in(pair.target, away, pool)
    assert len(list(pool.iterdir())) == 1
    point = reverse.point_now()
    assert pair.target.read(away) == content == reverse.point_bytes(point)


@pytest.mark.parametrize("dies", [False, True])
def test_a_move_that_is_cancelled_leaves_the_machine_on_its_disks_and_no_half_copy(pair, pool, dies):
    away, content = committed(pair)
    b, begun = pair.target, threading.Event()
    former, ended = b.disk_path(away), []
    slow = request(away, pool, bytes_per_second=64 * KiB)

    def settle():
        try:
            ended.append(b.do(Kind.SETTLE, slow, pair.machine_id))
        except OrderFailed as failed:
            ended.append(failed)

    if dies:
        seams.arm(dying.at("fabric.settle.copying"))
        with pytest.raises(dying.Killed):
            b.do(Kind.SETTLE, slow, pair.machine_id)
        seams.arm(None)
        b.restart()
    else:
        seams.arm(lambda name: begun.set() if name == "fabric.settle.copying" else None)
        threads.worker("settling", settle).start()
        assert begun.wait(30)
        seams.arm(None)
    b.do(Kind.END_SETTLE, FabricMachine(fabric_id=away), pair.machine_id)
    if not dies:
        eventually(lambda: ended)
        assert "cancelled" in str(ended[0])
    assert b.disk_path(away) == former
    assert not list(pool.iterdir())
    assert b.read(away) == content
    b.do(Kind.SETTLE, request(away, pool), pair.machine_id)
    assert lies_in(b, away, pool)


def test_a_move_that_comes_no_nearer_to_its_end_says_so_and_why_the_machine_is_not_replicated(
    pair, pool, monkeypatch
):
    monkeypatch.setattr(settle, "TELL_SECONDS", 0.05)
    monkeypatch.setattr(settle, "STANDS_SECONDS", 0.5)
    away, _ = committed(pair)
    reverse, b, ended = turned(pair, away), pair.target, []

    def move():
        try:
            b.do(Kind.SETTLE, request(away, pool, bytes_per_second=64 * KiB), pair.machine_id)
        except OrderFailed as failed:
            ended.append(failed)

    def told():
        return [each.what for each in reverse.source_status().findings if each.code == "disks-moving"]

    threads.worker("settling", move).start()
    eventually(lambda: any("has not shrunk for" in each for each in told()), 30)
    [said] = told()
    assert re.search(r"Replication pauses .* \d+%, [\d.]+ MB left, .*'--limit' above 65.5 kB/s", said)
    b.do(Kind.END_SETTLE, FabricMachine(fabric_id=away), pair.machine_id)
    eventually(lambda: ended)
    assert not told()


def test_a_move_that_a_later_verb_finds_cut_off_is_ended_by_it(pair, pool):
    away, content = committed(pair)
    b, former = pair.target, pair.target.disk_path(away)
    seams.arm(dying.at("fabric.settle.copying"))
    with pytest.raises(dying.Killed):
        b.perform(order(Kind.SETTLE, request(away, pool), pair.machine_id, 3))
    seams.arm(None)
    b.restart()
    for number, left in ((3, 1), (4, 0)):
        b.perform(order(Kind.LIST_POINTS, Nothing(), pair.machine_id, number))
        assert len(list(pool.iterdir())) == left
    assert b.disk_path(away) == former
    reverse = turned(pair, away)
    assert reverse.point_bytes(reverse.point_now()) == b.read(away) == content


def test_a_machine_that_may_go_back_to_another_point_does_not_settle(pair, pool):
    pair.protect().synchronized()
    away = fail_over(pair, pair.point_now())
    with pytest.raises(OrderFailed, match="not committed"):
        pair.target.do(Kind.CHECK_SETTLE, request(away, pool), pair.machine_id)


def test_a_machine_on_its_own_disks_is_told_to_be_settled_and_goes_on(pair, pool):
    pair.protect().synchronized()
    pair.source.do(Kind.SETTLE, request(pair.fabric_id, pool), pair.machine_id)
    assert not list(pool.iterdir())
    until_processed(pair, now())


def test_a_place_that_is_missing_is_refused_with_what_to_do(pair, pool):
    away, content = committed(pair)
    nowhere = Settle(fabric_id=away, place=DiskPlace(place="no-pool", format="qcow2"))
    with pytest.raises(OrderFailed, match="no-pool"):
        pair.target.do(Kind.SETTLE, nowhere, pair.machine_id)
    with pytest.raises(OrderFailed, match="No place was given for disk vda"):
        pair.target.do(Kind.SETTLE, Settle(fabric_id=away), pair.machine_id)
    assert pair.target.read(away) == content


def test_a_place_in_a_store_is_refused_and_the_machine_keeps_its_disk(pair, pool, tmp_path):
    away, content = committed(pair)
    root = pair.target.config.store
    beside = tmp_path / "another-store"
    beside.mkdir()
    (beside / "store.json").write_text('{"appliance_id": "another"}')
    (pool / "link").symlink_to(root)
    replica = pair.target.replica_folder(pair.machine_id)
    for place in (root, replica / "runs", pool / "link", beside):
        for kind in (Kind.CHECK_SETTLE, Kind.SETTLE):
            with pytest.raises(OrderFailed, match="lies in the store"):
                pair.target.do(kind, request(away, place), pair.machine_id)
    assert pair.target.read(away) == content
    assert replica.exists()
