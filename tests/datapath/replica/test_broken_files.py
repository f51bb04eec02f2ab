"""A file of a replica is broken, or its store is full: that is told, and what does not need the file works
on."""

import json
import os

import pytest

from secondsite.datapath import errors
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import KiB, MiB
from tests.datapath.support_chain import Source, assert_points_true, read_raw, write_image

pytestmark = pytest.mark.slow

IN_THE_HEADER = [0, 7, 24, 42, 78, 101]
"""Magic, version, size, L1 table, features, header length: QEMU refuses each with other words."""


@pytest.fixture
def source():
    return Source(sizes={"sda": 4 * MiB})


@pytest.fixture
def replica(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(4):
        replica.apply(*source.cycle(f"p{number}"))
    yield replica
    replica.close()


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("at", IN_THE_HEADER)
def test_a_bit_that_flips_in_the_header_of_a_layer_is_damage_of_the_points_above_it(replica, at):
    replica.close()
    flip(replica.files.layer("sda", 3), at)
    assert [replica.verify(f"p{number}").ok for number in range(4)] == [True, True, False, False]


@pytest.mark.parametrize("name", ["base.qcow2", "000003.qcow2"])
def test_a_layer_that_is_gone_is_damage_of_the_points_above_it(replica, name):
    replica.close()
    (replica.files.disk("sda") / name).unlink()
    whole = name != "base.qcow2"
    assert [replica.verify(f"p{number}").ok for number in range(4)] == [whole, whole, False, False]


def test_an_image_that_another_program_has_locked_is_no_damage(replica, daemon):
    replica.close()
    daemon.serve(replica.files.layer("sda", 3), "somebody", writable=True)
    with pytest.raises(errors.QmpRefused, match="lock"):
        replica.verify("p2")
    daemon.unserve("somebody")
    assert replica.verify("p2").ok


def test_a_layer_that_cannot_be_merged_keeps_no_machine_from_a_whole_point(replica, source, tmp_path):
    replica.close()
    flip(replica.files.layer("sda", 3), 78)
    with pytest.raises(errors.QmpRefused, match=r"000003\.qcow2"):
        replica.drop("p1")
    assert replica.verify("p0").ok
    assert replica.open_run("failover", "p0")["sda"].exists()
    assert replica.close_run("failover") == "closed run failover"
    assert replica.close_run("failover") == "run failover was already closed"
    assert_points_true(replica, source, tmp_path, only=["p0"])
    assert "removed the replica" in replica.remove()


def bits_of_the_record(replica):
    body = json.loads(replica.files.record.read_bytes())
    text = replica.files.record.read_text()
    return [text.index(f'"number":{layer["number"]}') + 9 for layer in body["layers"]] + [
        text.index('"p1"') + 2
    ]


def test_a_record_with_a_flipped_bit_is_not_believed_and_nothing_is_removed_for_it(
    replica, daemon, source, tmp_path
):
    replica.close()
    whole, files = replica.files.record.read_bytes(), set(tmp_path.rglob("m1/*/**/*.*"))
    for at in bits_of_the_record(replica):
        data = bytearray(whole)
        data[at] ^= 0x02
        replica.files.record.write_bytes(data)
        with pytest.raises(errors.ImageProblem, match="sha256"):
            Replica.open(replica.files.root, daemon).close_run("none")
        assert set(tmp_path.rglob("m1/*/**/*.*")) == files
    replica.files.record.write_bytes(whole)
    assert_points_true(Replica.open(replica.files.root, daemon), source, tmp_path)


def test_a_record_of_a_release_that_wrote_no_digest_is_read(replica, daemon, source, tmp_path):
    replica.close()
    body = json.loads(replica.files.record.read_bytes())
    del body["sha256"]
    replica.files.record.write_text(json.dumps(body))
    assert_points_true(Replica.open(replica.files.root, daemon), source, tmp_path)


def test_a_committed_machine_turns_although_the_manifest_of_its_point_is_damaged(replica, source, tmp_path):
    replica.apply(*source.cycle("p4"))
    written = replica.open_run("failover", "p4")["sda"]
    write_image(written, 64 * KiB, 1 * MiB)
    held = read_raw(written, tmp_path)
    replica.settle("failover")
    flip(replica.files.point("p4"), 100)
    replica.rebase_from_run("failover", 2)
    assert read_raw(replica.files.head("sda", replica.state.head), tmp_path) == held


def fill(folder):
    free = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)


@pytest.mark.parametrize("encrypted", [False, True])
def test_points_are_read_on_a_full_store_and_what_needs_space_says_so(small, source, key, encrypted):
    store = small("store", 24 * MiB)
    daemon = StorageDaemon(store / "daemon")
    replica = Replica.create(
        store / "m1", daemon, "m1", source.replica_disks, epoch=1, key=key if encrypted else None
    )
    replica.apply(*source.cycle("p1"))
    daemon.stop()
    fill(store)
    assert replica.verify("p1").ok
    with pytest.raises(errors.StoreFull):
        replica.open_run("failover", "p1")
    (store / "filler").unlink()
    assert replica.open_run("failover", "p1")
    replica.close()
    daemon.stop()
