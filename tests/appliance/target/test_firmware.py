"""The firmware state of a machine travels with its cycles and is what a machine at the target starts with."""

import hashlib
from datetime import UTC, datetime

import pytest

from rig.appliances import Pair
from rig.appliances.runs import close
from rig.eventually import eventually
from rig.noise import noise
from secondsite.datapath.cycles import firmware
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import (
    CommitPoint,
    FabricMachine,
    FindInstant,
    InstantFact,
    Kind,
    StartReplica,
    StopReplica,
    Withdraw,
)
from secondsite.wire.control.setups import Base

pytestmark = pytest.mark.slow

FIRST = {"nvram": b"first variables" * 999, "tpm/tpm2-00.permall": b"first state"}
SECOND = {"nvram": b"second variables" * 999, "tpm/tpm2-00.permall": b"second state"}
COPY = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def pair(sites):
    a, b = sites
    fabric_id = simulated.make_machine(a.root, "web01", [4 * MiB], networks=["lan"], firmware=FIRST)
    a.fabric.power.start(fabric_id)
    return Pair(a, b, fabric_id).protect().synchronized()


def write(pair, files):
    simulated.write_firmware(pair.source.root, pair.fabric_id, files)


def stored(pair):
    folder = pair.target.config.store / "replicas" / pair.machine_id / "firmware"
    return {path.name for path in folder.iterdir()}


def digests(files):
    return {hashlib.sha256(data).hexdigest() for data in files.values()}


def started(pair, point_id, run="drill", fabric_id=COPY, **more):
    if run == "failover":
        close(pair)
    start = StartReplica(run=run, point_id=point_id, fabric_id=fabric_id, name=f"{run}-web01", **more)
    pair.target.do(Kind.START_REPLICA, start, pair.machine_id)
    return pair.target.fabric.firmware.read(fabric_id)


def stop(pair, run="drill", fabric_id=COPY):
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run=run, fabric_id=fabric_id), pair.machine_id)


def codes(pair):
    return [finding.code for finding in pair.source_status().findings]


def test_each_point_starts_with_the_firmware_state_of_its_own_instant(pair):
    first = pair.point_now()
    write(pair, SECOND)
    second = pair.point_now()
    assert started(pair, first) == FIRST
    stop(pair)
    assert started(pair, second) == SECOND
    stop(pair)
    assert stored(pair) == digests(FIRST) | digests(SECOND)


def test_a_machine_that_runs_from_a_point_writes_its_own_copy(pair):
    point_id = pair.point_now()
    started(pair, point_id)
    simulated.write_firmware(pair.target.root, COPY, SECOND)
    start = StartReplica(run="drill", point_id=point_id, fabric_id=COPY, name="drill-web01")
    pair.target.do(Kind.START_REPLICA, start, pair.machine_id)
    assert pair.target.fabric.firmware.read(COPY) == SECOND
    stop(pair)
    assert started(pair, point_id) == FIRST


def test_the_state_of_the_last_change_is_in_the_point_that_latest_makes(pair):
    write(pair, SECOND)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: set(source.progress.firmware.values()) == digests(SECOND), 10)
    facts = pair.target.do(Kind.DRAIN, None, pair.machine_id)
    point_id = facts["new_point_id"] or facts["points"][-1]["id"]
    assert started(pair, point_id) == SECOND


def test_an_instant_between_points_starts_with_the_state_of_that_instant(pair):
    before = sent_after(pair)
    write(pair, SECOND)
    changed = sent_after(pair)
    after = sent_after(pair)
    for at, files in ((before, FIRST), (changed, SECOND), (after, SECOND)):
        found = pair.target.do(Kind.FIND_INSTANT, FindInstant(at=at), pair.machine_id)
        instant = InstantFact.model_validate(found)
        assert instant.forward is not None
        assert started(pair, instant.point_id, forward=instant.forward) == files
        stop(pair)


def sent_after(pair):
    """The instant of a cycle that was begun from now on and processed whole."""
    for number in range(2):
        pair.source.write(pair.fabric_id, number * MiB, noise(4096))
        since = datetime.now(UTC)
        eventually(lambda since=since: (pair.status().processed_at or since) > since, 30)
    return pair.status().processed_at


def test_state_that_did_not_change_is_not_sent_again(pair):
    source = pair.source.appliance.replication.get(pair.machine_id)
    known = source.progress.firmware
    assert set(known.values()) == digests(FIRST)
    packed = firmware.pack(FIRST, known.values())
    assert [file.packed for file in packed] == [None, None]


def test_state_that_no_point_needs_any_more_is_removed(pair):
    first = pair.point_now()
    write(pair, SECOND)
    pair.point_now()
    hosted = pair.target.replica(pair.machine_id)
    with hosted.lock("a deed of the test", 10):
        for record in hosted.replica.points():
            if record.point_id <= first:
                hosted.replica.drop(record.point_id)
    assert stored(pair) == digests(SECOND)


def test_state_that_is_too_large_is_a_finding_and_the_disks_go_on(pair):
    pair.point_now()
    write(pair, {"nvram": bytes(5 * MiB)})
    eventually(lambda: "firmware-not-carried" in codes(pair), 10)
    assert started(pair, pair.point_now()) == FIRST
    write(pair, SECOND)
    eventually(lambda: "firmware-not-carried" not in codes(pair), 10)
    stop(pair)
    assert started(pair, pair.point_now()) == SECOND


def test_state_that_the_target_lost_is_sent_again(pair):
    pair.point_now()
    folder = pair.target.config.store / "replicas" / pair.machine_id / "firmware"
    for path in folder.iterdir():
        path.unlink()
    eventually(lambda: stored(pair) == digests(FIRST), 20)
    eventually(lambda: codes(pair) == [], 10)
    assert started(pair, pair.point_now()) == FIRST


def test_a_point_whose_state_rotted_starts_with_a_fresh_one_and_says_so(pair):
    point_id = pair.point_now()
    hosted = pair.target.replica(pair.machine_id)
    folder = pair.target.config.store / "replicas" / pair.machine_id / "firmware"
    (folder / hashlib.sha256(FIRST["nvram"]).hexdigest()).write_bytes(b"rot")
    report = pair.target.order(
        Kind.START_REPLICA,
        StartReplica(run="drill", point_id=point_id, fabric_id=COPY, name="drill-web01"),
        pair.machine_id,
    )
    assert report.problem is None
    assert "nvram of the point is damaged" in report.sentence
    assert not hosted.replica.verify(point_id).ok
    assert set(pair.target.fabric.firmware.read(COPY)) == {"tpm/tpm2-00.permall"}


def test_a_machine_that_is_off_sends_state_that_its_owner_changes(pair):
    pair.source.fabric.power.shut_down(pair.fabric_id, 10)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.unchanged_fingerprint is not None, 20)
    before = pair.status().points[-1].id
    write(pair, SECOND)
    eventually(lambda: pair.status().points[-1].id != before, 20)
    assert started(pair, pair.status().points[-1].id) == SECOND


def test_what_the_machine_wrote_at_the_other_site_comes_home_with_it(pair, sites):
    a, b = sites
    point_id = pair.point_now()
    there = "44444444-4444-4444-8444-444444444444"
    assert started(pair, point_id, "failover", there) == FIRST
    b.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    simulated.write_firmware(b.root, there, SECOND)
    a.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    back = Pair(b, a, there, pair.machine_id)
    back.epoch = 2
    setup = back.replica_setup(base=Base.EXISTING, existing_fabric_id=pair.fabric_id)
    a.do(Kind.PREPARE_REPLICA, setup, pair.machine_id)
    b.do(Kind.START_REPLICATION, back.source_setup(sync=SyncMode.COMPARE), pair.machine_id)
    back.synchronized()
    assert started(back, back.point_now(), "failover", pair.fabric_id) == SECOND
    a.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id), pair.machine_id)
    assert a.fabric.firmware.read(pair.fabric_id) == SECOND
