"""Disks that are added to a protected machine, taken out of it, included and excluded."""

import dataclasses
import subprocess
from typing import Any

import pytest

from rig.appliances import Pair
from rig.appliances.runs import fail_over, turned
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.source import disks_and_firmware
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import Kind, StartReplica, StopReplica

pytestmark = pytest.mark.slow

COPY = "33333333-3333-4333-8333-333333333333"
ADDED_BYTES = 16 * MiB


@pytest.fixture
def full(pair):
    return pair.protect().synchronized()


@pytest.fixture
def wide(sites):
    """A protected machine with two disks."""
    a, b = sites
    return Pair(a, b, a.make_machine(disks=2)).protect().synchronized()


def redefine(pair, change):
    """The owner changes the disks of the machine, which is off meanwhile."""
    pair.source.fabric.power.stop(pair.fabric_id)
    records = Host(pair.source.root).records
    record = records.need(pair.fabric_id)
    definition = record.definition.model_copy(update={"disks": tuple(change(list(record.definition.disks)))})
    records.save(record.having(definition=definition))
    pair.source.fabric.power.start(pair.fabric_id)


def add_vdb(pair):
    with pair.source.appliance.replication.get(pair.machine_id).lock("a deed of the test", 20):
        define_vdb(pair)


def define_vdb(pair):
    path = pair.source.root / "vdb.qcow2"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", str(path), str(ADDED_BYTES)], check=True, timeout=20
    )
    more = {"key": "vdb", "path": str(path), "size_bytes": ADDED_BYTES, "boot_order": 2}
    redefine(pair, lambda disks: [*disks, disks[0].model_copy(update=more)])


def take_out(pair, key):
    with pair.source.appliance.replication.get(pair.machine_id).lock("a deed of the test", 20):
        redefine(pair, lambda disks: [disk for disk in disks if disk.key != key])


def protect_disks(pair, *keys, left_out=()):
    """As the verbs order it."""
    source = pair.source_setup(disks=keys, left_out=left_out)
    replica = pair.replica_setup(disks=keys)
    orders = [(pair.target, Kind.PREPARE_REPLICA, replica), (pair.source, Kind.START_REPLICATION, source)]
    for site, kind, setup in reversed(orders) if left_out else orders:
        site.do(kind, setup, pair.machine_id)


def findings(pair):
    return {finding.code: finding.what for finding in pair.source_status().findings}


def disks_of(pair, point_id):
    return next(point.disks for point in pair.status().points if point.id == point_id)


def joined(pair, key="vdb"):
    """The newest point, once it has the disk."""
    eventually(lambda: key in pair.status().points[-1].disks, 30)
    return pair.status().points[-1].id


def test_a_disk_that_is_added_is_named_with_what_to_do(full):
    add_vdb(full)
    found = eventually(lambda: findings(full).get("disk-not-protected"), 20)
    assert "vdb (16 MiB)" in found
    assert "secondsite machine include-disk web01 --disk vdb" in found
    full.source.write(full.fabric_id, MiB, noise(MiB, 10))
    point_id = full.point_now()
    assert disks_of(full, point_id) == ("vda",)
    assert full.target.point_bytes(full.machine_id, point_id) == full.source.read(full.fabric_id)


def test_a_disk_that_was_added_at_the_other_site_does_not_come_home_and_is_named_there(full):
    """S-169"""
    away = fail_over(full, full.point_now())
    define_vdb(Pair(full.target, full.source, away, full.machine_id))
    home = turned(full, away, disks=("vda",))
    assert "vdb (16 MiB)" in eventually(lambda: findings(home).get("disk-not-protected"), 20)
    assert disks_of(home, home.point_now()) == ("vda",)


def test_one_that_is_attached_only_until_the_machine_stops_is_to_be_attached_permanently_first(full):
    full.pause()
    source = full.source.appliance.replication.find(full.machine_id)
    found = full.source.fabric.inventory.get(full.fabric_id)
    attached_now = dataclasses.replace(found, attached=("vda", "vdc"))
    assert disks_and_firmware.present_disks(source, attached_now) == ("vda",)
    assert (
        "vdc is attached only until the machine stops: attach it permanently first"
        in findings(full)["disk-not-protected"]
    )


def test_a_disk_that_was_left_out_by_choice_is_not_named(full):
    add_vdb(full)
    eventually(lambda: "disk-not-protected" in findings(full), 20)
    protect_disks(full, "vda", left_out=("vdb",))
    eventually(lambda: findings(full) == {}, 20)


def test_an_included_disk_joins_the_points_once_it_is_whole(full):
    add_vdb(full)
    full.source.write(full.fabric_id, 0, noise(9 * MiB, 1), "vdb")
    before = full.point_now()
    protect_disks(full, "vda", "vdb")
    point_id = joined(full)
    assert disks_of(full, before) == ("vda",)
    assert full.target.point_bytes(full.machine_id, point_id, "vdb") == full.source.read(
        full.fabric_id, "vdb"
    )
    assert full.target.point_bytes(full.machine_id, point_id) == full.source.read(full.fabric_id)
    assert findings(full) == {}
    assert full.target.replica(full.machine_id).replica.verify(point_id).ok
    assert full.target.replica(full.machine_id).replica.verify(before).ok


def test_points_of_the_other_disks_go_on_while_a_disk_is_copied(sites):
    a, b = sites
    a.stop()
    a.start(slice_bytes=MiB)
    pair = Pair(a, b, a.make_machine()).protect().synchronized()
    add_vdb(pair)
    pair.source.write(pair.fabric_id, 0, noise(ADDED_BYTES, 2), "vdb")
    protect_disks(pair, "vda", "vdb")
    pair.source.write(pair.fabric_id, 0, noise(MiB, 3))
    point_id = pair.point_now()
    assert pair.source_status().sync_fraction is not None
    assert disks_of(pair, point_id) == ("vda",)
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)
    start = StartReplica(run="drill", point_id=point_id, fabric_id=COPY, name="drill")
    pair.target.do(Kind.START_REPLICA, start, pair.machine_id)
    found = pair.target.fabric.inventory.get(COPY).definition
    assert [disk.key for disk in found.disks] == ["vda"]
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
    latest = pair.target.do(Kind.DRAIN, None, pair.machine_id)["points"][-1]
    assert latest["disks"] in (["vda"], ["vda", "vdb"])
    point_id = joined(pair)
    assert pair.target.point_bytes(pair.machine_id, point_id, "vdb") == pair.source.read(
        pair.fabric_id, "vdb"
    )


def test_a_disk_that_is_taken_out_is_named_and_the_others_go_on(wide):
    wide.source.write(wide.fabric_id, 0, noise(MiB, 4), "vdb")
    before = wide.point_now()
    content = wide.target.point_bytes(wide.machine_id, before, "vdb")
    take_out(wide, "vdb")
    assert "exclude-disk web01 --disk vdb" in eventually(lambda: findings(wide).get("disk-missing"), 20)
    wide.source.write(wide.fabric_id, MiB, noise(MiB, 5))
    after = wide.point_now()
    assert disks_of(wide, after) == ("vda",)
    assert wide.target.point_bytes(wide.machine_id, after) == wide.source.read(wide.fabric_id)
    assert wide.target.point_bytes(wide.machine_id, before, "vdb") == content


def test_a_disk_that_comes_back_is_compared_and_joins_the_points_again(wide):
    kept = wide.definition().disks[1]
    take_out(wide, "vdb")
    eventually(lambda: "disk-missing" in findings(wide), 20)
    assert disks_of(wide, wide.point_now()) == ("vda",)
    with wide.source.appliance.replication.get(wide.machine_id).lock("a deed of the test", 20):
        redefine(wide, lambda disks: [*disks, kept])
        wide.source.write(wide.fabric_id, MiB, noise(MiB, 6), "vdb")
    point_id = joined(wide)
    assert wide.target.point_bytes(wide.machine_id, point_id, "vdb") == wide.source.read(
        wide.fabric_id, "vdb"
    )
    eventually(lambda: findings(wide) == {}, 20)


def test_an_excluded_disk_leaves_the_replica_with_the_last_point_that_has_it(wide):
    before = wide.point_now()
    protect_disks(wide, "vda", left_out=("vdb",))
    wide.source.write(wide.fabric_id, MiB, noise(MiB, 7))
    after = wide.point_now()
    assert disks_of(wide, after) == ("vda",)
    hosted = wide.target.replica(wide.machine_id)
    assert set(hosted.replica.state.keys) == {"vda", "vdb"}
    with hosted.lock("a deed of the test", 10):
        for record in hosted.replica.points():
            if record.point_id <= before:
                hosted.replica.drop(record.point_id)
        hosted.wants_trim = True
    wide.target.appliance.work.wanted(hosted)
    eventually(lambda: hosted.replica.state.keys == ("vda",), 20)
    # the record comes first, then the files go
    left = wide.target.config.store / "replicas" / wide.machine_id / "disks" / "vdb"
    eventually(lambda: not left.exists())
    assert hosted.replica.verify(after).ok
    wide.source.write(wide.fabric_id, 2 * MiB, noise(MiB, 8))
    assert wide.target.point_bytes(wide.machine_id, wide.point_now()) == wide.source.read(wide.fabric_id)


def test_a_disk_that_is_included_again_is_what_it_is_now(wide):
    wide.source.write(wide.fabric_id, 0, noise(2 * MiB, 9), "vdb")
    wide.point_now()
    protect_disks(wide, "vda", left_out=("vdb",))
    wide.source.write(wide.fabric_id, 0, bytes(MiB), "vdb")
    wide.point_now()
    protect_disks(wide, "vda", "vdb")
    point_id = joined(wide)
    assert wide.target.point_bytes(wide.machine_id, point_id, "vdb") == wide.source.read(
        wide.fabric_id, "vdb"
    )


@pytest.mark.parametrize("seam", ["join.files", "join.recorded"])
def test_room_for_a_disk_is_made_again_after_a_death_in_the_middle(full, seam):
    add_vdb(full)
    eventually(lambda: "disk-not-protected" in findings(full), 20)
    cuts: list[Any] = []

    def cut(name):
        if name == f"appliance.replica.{seam}" and not cuts:
            cuts.append(name)
            raise RuntimeError("the process ends here")

    setup = full.replica_setup()
    with seams.armed(cut):
        assert full.target.order(Kind.PREPARE_REPLICA, setup, full.machine_id).problem is not None
    full.target.stop()
    full.target.start()
    protect_disks(full, "vda", "vdb")
    point_id = joined(full)
    assert full.target.point_bytes(full.machine_id, point_id, "vdb") == full.source.read(
        full.fabric_id, "vdb"
    )
