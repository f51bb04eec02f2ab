"""A store that cannot be read, or a file of it that cannot: what is said of that at both sites is neither
a link that broke nor a point that never was."""

import errno
import os
import re
import shutil
from pathlib import Path

import pytest

import secondsite
from rig.appliances import runs
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance import shared
from secondsite.appliance.target.admission import refusals
from secondsite.datapath import errors as datapath_errors
from secondsite.datapath.cycles import inbox
from secondsite.domain import errors
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Drain, Kind, PointOrder, RunCycle

pytestmark = pytest.mark.slow


def of_source(pair):
    return {each.code: each.what for each in pair.source_status().findings}


def of_target(pair):
    return {each.code: each.what for each in pair.status().findings}


@pytest.fixture
def pointed(pair):
    """A machine with two points, and the id of the newer one."""
    pair.source.write(pair.fabric_id, 0, noise(256 * KiB))
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 1 * MiB, noise(256 * KiB))
    return pair, pair.point_now()


def test_a_head_that_cannot_be_opened_is_no_peer_that_does_not_answer(pointed):
    pair, _ = pointed
    pair.pause()
    pair.target.stop()
    (head,) = pair.target.replica_folder(pair.machine_id).glob("disks/vda/*.head.qcow2")
    os.truncate(head, 0)
    pair.target.start()
    pair.source.do(Kind.RESYNCHRONIZE, None, pair.machine_id)
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    eventually(lambda: head.name in of_source(pair).get("peer-refused", ""), 40)
    assert "peer-unreachable" not in of_source(pair)
    assert head.name in of_target(pair)["replica-damaged"]


def test_what_was_sent_onto_a_head_that_cannot_be_opened_is_told_with_what_starts_all_the_same(pointed):
    """A failover of the latest instant said 'internal', which reads as a defect, and the points are whole."""
    pair, point_id = pointed
    content = pair.source.read(pair.fabric_id)
    pair.pause()
    pair.target.stop()
    (head,) = pair.target.replica_folder(pair.machine_id).glob("disks/vda/*.head.qcow2")
    os.truncate(head, 0)
    pair.target.start()
    pair.source.write(pair.fabric_id, 2 * MiB, noise(64 * KiB))
    pair.source.do(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
    drained = pair.target.order(Kind.DRAIN, Drain(seal=True), pair.machine_id)
    assert drained.problem.code == "replica-error"
    assert head.name in drained.problem.message
    assert "machine failover web01 --choice latest_processed" in drained.problem.do
    away = runs.start(pair, "failover", point_id)["fabric_id"]
    assert pair.target.read(away) == content


def broken(*_):
    raise OSError(errno.EIO, os.strerror(errno.EIO), "inbox")


def test_a_store_that_fails_is_no_link_that_broke_and_its_points_are_told_on(pointed, monkeypatch):
    pair, point_id = pointed
    monkeypatch.setattr(inbox, "scan", broken)
    eventually(lambda: "store cannot be read" in of_source(pair).get("target-store-away", ""), 40)
    assert "peer-unreachable" not in of_source(pair)
    status = pair.status()
    assert point_id in [point.id for point in status.points]
    assert status.synchronized
    assert "replica-damaged" in of_target(pair)
    monkeypatch.undo()
    eventually(lambda: of_source(pair) == {}, 60)
    assert pair.point_now()


def test_a_point_whose_manifest_is_gone_is_damaged_and_not_unknown(pointed):
    pair, point_id = pointed
    (pair.target.replica_folder(pair.machine_id) / "points" / f"{point_id}.json").unlink()
    report = pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id)
    assert report.problem.code == "point-damaged"
    report = pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id="nobody-s"), pair.machine_id)
    assert report.problem.code == "not-found"


@pytest.mark.parametrize(
    ("problem", "code", "finding"),
    [
        (errors.DeadlineExceeded("busy", do="-"), "replica-busy", "peer-unreachable"),
        (datapath_errors.StorageDaemonGone("gone", do="-"), "replica-busy", "peer-unreachable"),
        (datapath_errors.QmpRefused("Failed to get shared \"write\" lock", do="-", kind="x"),
        "replica-in-use", "replica-in-use"),
        (datapath_errors.ImageProblem("'info' failed on x: Is another process using the image [x]?", do="-"),
        "replica-in-use", "replica-in-use"),
        (datapath_errors.QmpRefused("Image is not in qcow2 format", do="-", kind="x"), "replica-unreadable",
        "peer-refused"),
        (datapath_errors.ImageProblem("no image", do="-"), "replica-unreadable", "peer-refused"),
        (errors.StoreFull("full", do="-"), "store-full", "target-store-full"),
        (errors.KeyMissing("no key", do="-"), "encryption-key-missing", "peer-refused"),
    ],
)  # fmt: skip
def test_why_nothing_is_compared_is_told_as_what_it_is(problem, code, finding):
    assert refusals.refused(problem).code == code
    assert shared.code_for(code) == finding


def test_no_refusal_of_the_target_is_a_fault_of_the_source_s_hypervisor():
    """As a store was that became read-only."""
    root = Path(secondsite.__file__).parent
    texts = [path.read_text() for path in root.rglob("*.py")]
    codes = {code for text in texts for code in re.findall(r'CycleRefused\(\s*"([a-z-]+)"', text)}
    assert {"store-unwritable", "wrong-epoch", "out-of-order"} <= codes
    assert {code for code in codes if shared.code_for(code) == "cycle-failed"} == set()


def test_a_replica_that_was_made_anew_after_its_files_were_lost_can_be_failed_over_to(pointed):
    pair, _ = pointed
    pair.pause()
    pair.target.stop()
    shutil.rmtree(pair.target.replica_folder(pair.machine_id))
    pair.target.start()
    must_hold = CheckTarget(must_hold_replica=True)
    assert pair.target.order(Kind.CHECK_TARGET, must_hold, pair.machine_id).facts["obstacles"]
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    assert not pair.target.order(Kind.CHECK_TARGET, must_hold, pair.machine_id).facts["obstacles"]


def test_a_replica_of_an_epoch_before_in_which_nothing_was_kept_is_no_obstacle_to_the_next(pair):
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    pair.epoch += 1
    pair.protect().synchronized()
    (point,) = pair.status().points
    assert point.epoch == pair.epoch
