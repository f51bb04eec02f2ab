"""A machine that is started from a point finds an empty disk where one was left out, with the file system
that its guest looks for."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rig import small_store
from rig.appliances import Pair
from rig.appliances.runs import fail_over, turned
from rig.eventually import eventually
from rig.noise import noise
from secondsite import rescue
from secondsite.appliance.orders import stand_ins
from secondsite.datapath.disks import file_system, image
from secondsite.ground import seams
from secondsite.ground.units import MiB, TiB
from secondsite.rescue import stand_ins as rescued_stand_ins
from secondsite.wire.common.machines import FileSystemShape, LeftOutDisk
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.copies import RestoreCopy
from secondsite.wire.control.orders import CommitPoint, DiskPlace, Kind, Settle, StopReplica
from secondsite.wire.control.rescue_manifest import KeepRescueManifest, RescueMachine
from tests.appliance.orders.points.support_stand_ins import COPY, LEFT_OUT, protected, start

pytestmark = pytest.mark.slow

UUID = "1cf9e135-8083-48b8-9fee-7109cc3e30a7"


def pair_of(sites):
    """A machine that leaves its second disk out."""
    a, b = sites
    return Pair(a, b, a.make_machine(disks=2))


def format_vdb(pair, label="data"):
    """The guest has made a file system that fills the disk."""
    size_bytes = pair.definition().disks[1].size_bytes
    made = pair.source.root / "made.raw"
    with made.open("wb") as file:
        file.truncate(size_bytes)
    program = shutil.which("mke2fs", path="/usr/sbin:/sbin")
    assert program, "install e2fsprogs"
    command = [program, "-q", "-F", "-t", "ext4", "-U", UUID, "-L", label, str(made)]
    subprocess.run(command, check=True, timeout=60)
    pair.source.write(pair.fabric_id, 0, made.read_bytes()[: 2 * MiB], "vdb")


def obstacles(pair):
    wanted = CheckTarget(name="drill", fabric_id=COPY, must_hold_replica=True)
    return pair.target.do(Kind.CHECK_TARGET, wanted, pair.machine_id)["obstacles"]


def standing(pair):
    """The disk of the copy, or None."""
    found = {disk.key: disk for disk in pair.target.fabric.inventory.get(COPY).definition.disks}
    assert found.keys() >= {"vda"}
    return found.get("vdb")


def findings(pair):
    return {finding.code: finding.what for finding in pair.source_status().findings}


def what_fills(disk):
    return file_system.told(image.beginning(Path(disk.path), "qcow2", file_system.HEAD_BYTES))


@pytest.fixture
def pair(sites):
    pair = pair_of(sites)
    format_vdb(pair)
    return protected(pair)


def test_an_empty_file_system_stands_in_with_type_uuid_and_label_and_goes_with_the_run(pair):
    pair.source.write(pair.fabric_id, 4 * MiB, noise(MiB, 1), "vdb")
    report = start(pair, pair.point_now())
    size_bytes = pair.definition().disks[1].size_bytes
    assert f"vdb was left out: an empty ext4 of {size_bytes // MiB} MiB stands in" in report.sentence
    found = standing(pair)
    assert found.size_bytes == size_bytes
    fills = what_fills(found)
    assert (fills.kind, fills.uuid, fills.label) == ("ext4", UUID, "data")
    folder = Path(found.path).parent
    assert noise(MiB, 1)[:4096] not in (folder / ".vdb.stand-in.raw").read_bytes()
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
    assert not folder.exists()


def test_what_is_set_counts(pair):
    point_id = pair.point_now()
    report = start(pair, point_id, stand_in={"vdb": "nothing"})
    assert "vdb was left out: nothing stands in" in report.sentence
    assert standing(pair) is None
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
    report = start(pair, point_id, stand_in={"vdb": "empty"})
    assert "vdb was left out: an empty disk of" in report.sentence
    assert what_fills(standing(pair)) is None


def test_a_file_system_that_is_made_later_is_seen_in_time(sites, monkeypatch):
    monkeypatch.setattr("secondsite.appliance.source.left_out_disks.LOOK_CYCLES", 2)
    pair = protected(pair_of(sites))
    assert "an empty disk of" in start(pair, pair.point_now()).sentence
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
    format_vdb(pair)

    def told():
        report = start(pair, pair.point_now())
        pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
        return "an empty ext4" in report.sentence

    eventually(told, 60)


def test_where_nothing_makes_such_a_file_system_the_disk_stays_empty_and_that_is_said(pair, monkeypatch):
    assert obstacles(pair) == []
    monkeypatch.setattr(file_system, "_found", lambda tool: None)
    (found,) = obstacles(pair)
    assert not found["blocking"]
    assert "stands in for a disk that was left out: vdb (ext4)" in found["what"]
    report = start(pair, pair.point_now())
    assert "an empty disk of" in report.sentence
    assert "(no mkfs of ext4 is here)" in report.sentence
    assert what_fills(standing(pair)) is None


def test_a_start_that_is_repeated_keeps_what_was_written_there(pair):
    point_id = pair.point_now()
    start(pair, point_id)
    path = Path(standing(pair).path)
    write = ["qemu-io", "-f", "qcow2", "-c", "write -P 7 3M 64k", str(path)]
    subprocess.run(write, check=True, capture_output=True, timeout=60)
    report = start(pair, point_id)
    assert "an empty ext4 of" in report.sentence
    assert Path(standing(pair).path) == path
    read = ["qemu-io", "-f", "qcow2", "-c", "read -P 7 3M 64k", str(path)]
    done = subprocess.run(read, check=True, capture_output=True, timeout=60)
    assert b"verification failed" not in done.stdout


def test_a_point_that_has_the_disk_starts_with_it(sites):
    """It was left out later."""
    pair = pair_of(sites).protect().synchronized()
    pair.source.write(pair.fabric_id, 0, noise(MiB, 3), "vdb")
    before = pair.point_now()
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(**LEFT_OUT), pair.machine_id)
    pair.source.write(pair.fabric_id, MiB, noise(MiB, 4))
    after = pair.point_now()
    assert "left out" not in start(pair, before).sentence
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="drill", fabric_id=COPY), pair.machine_id)
    assert "vdb was left out" in start(pair, after).sentence


def test_it_stays_with_a_machine_that_is_committed_and_is_not_replicated_back(pair):
    pair.source.write(pair.fabric_id, 4 * MiB, noise(MiB, 5), "vdb")
    own = pair.source.disk_path(pair.fabric_id, "vdb")
    before = image.beginning(own, "qcow2", 5 * MiB)
    away = fail_over(pair, pair.point_now())
    pair.target.write(away, 4 * MiB, noise(MiB, 6), "vdb")
    home = turned(pair, away, disks=("vda",), left_out=("vdb",))
    assert pair.target.disk_path(away, "vdb").exists()
    assert pair.target.read(away, "vdb")[4 * MiB : 5 * MiB] == noise(MiB, 6)
    eventually(lambda: findings(home) == {}, 20)
    assert home.status().points[-1].disks == ("vda",)
    assert image.beginning(own, "qcow2", 5 * MiB) == before


def test_it_goes_along_when_the_machine_s_disks_move_out_of_the_store(pair, tmp_path):
    point_id = pair.point_now()
    away = fail_over(pair, point_id)
    pair.target.write(away, 4 * MiB, noise(MiB, 6), "vdb")
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    (tmp_path / "pool").mkdir()
    place = DiskPlace(place=str(tmp_path / "pool"), format="qcow2")
    pair.target.do(Kind.SETTLE, Settle(fabric_id=away, disks={"vda": place}), pair.machine_id)
    for key in ("vda", "vdb"):
        assert pair.target.disk_path(away, key).parent == tmp_path / "pool"
    assert pair.target.read(away, "vdb")[4 * MiB : 5 * MiB] == noise(MiB, 6)
    assert not pair.target.replica_folder(pair.machine_id).exists()


def kept(pair, **changes):
    """What the appliance has written for a start without it, as the rescue program reads it; its run."""
    machine = RescueMachine(
        id=pair.machine_id, epoch=1, machine="web01", fabric_id=COPY, name="web01", **changes
    )
    asked = KeepRescueManifest(site="b", machines=(machine,), plans=())
    pair.target.do(Kind.KEEP, asked)
    replica = rescue.read(pair.target.replica_folder(pair.machine_id))
    replica.run_folder.mkdir(parents=True, exist_ok=True)
    return replica


def test_a_start_from_the_store_alone_has_what_stands_in(pair):
    pair.point_now()
    replica = kept(pair)
    point = replica.points[-1]
    found = rescued_stand_ins.opened(replica, point, None)
    size_bytes = pair.definition().disks[1].size_bytes
    assert found.said == f"; vdb was left out: an empty ext4 of {size_bytes // MiB} MiB stands in"
    path = found.disks["vdb"]
    assert (path.parent, found.buses) == (replica.run_folder, {"vdb": pair.definition().disks[1].bus})
    fills = file_system.told(image.beginning(path, "qcow2", file_system.HEAD_BYTES))
    assert fills is not None
    assert (fills.kind, fills.uuid, fills.label) == ("ext4", UUID, "data")
    inode = path.stat().st_ino
    assert rescued_stand_ins.opened(replica, point, None).disks["vdb"].stat().st_ino == inode
    assert [each.name for each in replica.run_folder.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("choice", "said"), [("nothing", "nothing stands in"), ("empty", "an empty disk of")]
)
def test_a_start_from_the_store_alone_does_what_is_set(pair, choice, said):
    pair.point_now()
    replica = kept(pair, stand_in={"vdb": choice})
    found = rescued_stand_ins.opened(replica, replica.points[-1], None)
    assert said in found.said
    assert list(found.disks) == ([] if choice == "nothing" else ["vdb"])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies"


def test_a_restored_copy_has_what_stands_in_as_a_file_of_its_own(pair, folder):
    point_id = pair.point_now()
    wanted = RestoreCopy(point_id=point_id, fabric_id=COPY, name="web01-old", folder=str(folder))
    report = pair.target.order(Kind.RESTORE_COPY, wanted, pair.machine_id)
    assert report.problem is None
    assert "vdb was left out: an empty ext4 of" in report.sentence
    fills = what_fills(standing(pair))
    assert (fills.kind, fills.uuid, fills.label) == ("ext4", UUID, "data")
    assert sorted(each.name for each in folder.iterdir()) == ["web01-old-vda.qcow2", "web01-old-vdb.qcow2"]


def test_a_restored_copy_that_fails_leaves_nothing_of_what_stood_in(pair, folder):
    def fail(name):
        if name == "appliance.copy.written":
            raise OSError("no more")

    wanted = RestoreCopy(point_id=pair.point_now(), fabric_id=COPY, name="web01-old", folder=str(folder))
    with seams.armed(fail):
        assert pair.target.order(Kind.RESTORE_COPY, wanted, pair.machine_id).problem is not None
    assert list(folder.iterdir()) == []


def test_a_copy_of_one_that_is_larger_than_any_file_there_is_empty(tmp_path):
    """No copy could be restored: ext4 has no file of 20 TiB."""
    known = FileSystemShape(kind="ext4", uuid=UUID, label="data", block_bytes=4096)
    left_out = LeftOutDisk(key="vdb", path="", size_bytes=20 * TiB, file_system=known)
    definition: Any = SimpleNamespace(disks=(), left_out=(left_out,))
    with small_store.on_disk(tmp_path / "small", 64 * MiB, small_store.EXT4) as folder:
        (plan,) = stand_ins.planned(definition, {})
        assert "no ext4 could be made on it" in stand_ins.copied(plan, folder / "vdb.qcow2")
        assert image.look(folder / "vdb.qcow2").size_bytes == 20 * TiB
