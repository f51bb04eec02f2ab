"""An old disk that is not attached, or whose path leads to another device, says nothing about the points that
stand on it: nothing is marked, and all goes on once it is back. Real loop devices."""

import os

import pytest

from rig import loop_devices
from secondsite.datapath import errors
from secondsite.datapath.replica import BaseImage, Replica, load_record
from secondsite.datapath.replica.chain import chain as layers
from secondsite.ground import real_files
from secondsite.ground.units import MiB
from tests.datapath.support_chain import Source, assert_points_true

pytestmark = pytest.mark.slow
SIZE = 4 * MiB


class OldDisk:
    """A disk that is found by a path such as /dev/sdb, which leads to this device or that one."""

    def __init__(self, folder, content):
        self.path, self.file = folder / "sdb", folder / "ours"
        self.other = folder / "theirs"
        self.file.write_bytes(content)
        self.other.write_bytes(bytes(len(content)))
        self.device = None

    def attach(self, file=None):
        self.device = loop_devices.begin(file or self.file)
        self.path.symlink_to(self.device)

    def detach(self):
        self.path.unlink(missing_ok=True)
        if self.device:
            loop_devices.end(self.device)

    def replaced_by_another(self):
        self.detach()
        self.attach(self.other)


@pytest.fixture
def source():
    source = Source(sizes={"sda": SIZE})
    source.disks = {"sda": bytearray(source.random.randbytes(SIZE))}
    return source


@pytest.fixture
def disk(tmp_path, source):
    disk = OldDisk(tmp_path, source.disks["sda"])
    disk.attach()
    yield disk
    disk.detach()


@pytest.fixture
def replica(tmp_path, daemon, source, disk):
    base = {"sda": BaseImage(disk.path, "raw")}
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, base=base)
    replica.apply(*source.cycle("p1"))
    yield replica
    replica.close()


def without_path(disk):
    disk.detach()


def without_device(disk):
    loop_devices.end(disk.device)


def another(disk):
    disk.replaced_by_another()


@pytest.mark.parametrize("away", [without_path, without_device, another])
def test_an_old_disk_that_is_away_marks_nothing_and_is_read_again_once_it_is_back(
    replica, source, disk, tmp_path, away
):
    replica.close()
    away(disk)
    assert replica.changed_bases() == ("sda",)
    for look in (replica.altered_bases, replica.require_bases, lambda: replica.verify("p1")):
        with pytest.raises(errors.OldDiskAway, match=rf"old disk sda, .*{disk.path}"):
            look()
    replica.close()
    disk.detach()
    disk.attach()
    assert replica.changed_bases() == replica.altered_bases() == ()
    assert replica.verify("p1").ok
    replica.apply(*source.cycle("p2"))
    assert_points_true(replica, source, tmp_path)


def test_a_disk_that_is_away_while_a_point_is_read_and_back_at_its_end_marks_nothing(
    replica, disk, monkeypatch
):
    replica.close()

    def opened_meanwhile(*chain, **how):
        disk.replaced_by_another()
        try:
            return open_chain(*chain, **how)
        finally:
            disk.detach()
            disk.attach()

    open_chain = layers.open_chain
    with monkeypatch.context() as once:
        once.setattr(layers, "open_chain", opened_meanwhile)
        with pytest.raises(errors.OldDiskAway, match="was away while a point was read"):
            replica.verify("p1")
    assert replica.verify("p1").ok


def test_another_device_is_named_beside_the_one_that_is_expected(replica, disk):
    replica.close()
    disk.replaced_by_another()
    with pytest.raises(errors.OldDiskAway) as raised:
        replica.require_bases()
    assert f"another device now: {disk.other}, where {disk.file} is expected" in raised.value.message
    assert raised.value.code == "old-disk-away"


def test_a_device_that_was_attached_anew_is_opened_anew_and_watched_again(
    replica, disk, monkeypatch, tmp_path
):
    replica.open_run("failover", "p1")
    assert not replica.bases_made_anew()
    (tmp_path / "boot").write_text("another one")
    monkeypatch.setattr(real_files, "BOOT_ID", tmp_path / "boot")
    assert replica.bases_made_anew()
    assert replica.altered_bases() == ()
    replica.renew_bases()
    assert not replica.bases_made_anew()
    with disk.path.open("r+b") as device:
        device.write(b"somebody")
    assert replica.altered_bases() == replica.written_below("failover") == ("sda",)


def test_a_device_of_which_nothing_can_be_read_is_away_and_one_with_a_bad_part_is_damaged(replica, disk):
    replica.close()
    content = disk.file.read_bytes()
    os.truncate(disk.file, 0)  # the device keeps its size, and each read of it fails
    with pytest.raises(errors.OldDiskAway, match="answers nothing"):
        replica.verify("p1")
    disk.file.write_bytes(content[: SIZE // 4])
    replica.require_bases()
    assert replica.verify("p1").bad == ("sda",)
    disk.file.write_bytes(content)
    assert replica.verify("p1").ok


def test_a_file_below_the_points_is_away_and_not_damaged_while_its_file_system_is(tmp_path, daemon, source):
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "sda.raw").write_bytes(source.disks["sda"])
    base = {"sda": BaseImage(folder / "sda.raw", "raw")}
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, base=base)
    replica.apply(*source.cycle("p1"))
    replica.close()
    folder.rename(tmp_path / "unmounted")
    with pytest.raises(errors.OldDiskAway, match="No such file"):
        replica.verify("p1")
    (tmp_path / "unmounted").rename(folder)
    assert replica.verify("p1").ok
    replica.close()


def test_what_a_device_is_called_is_kept_in_the_record_and_files_have_no_name(replica, disk, tmp_path):
    (recorded,) = load_record(replica.files.record).disks[0].base_files
    assert recorded.device == str(disk.file)
    assert '"device"' in replica.files.record.read_text()


@pytest.mark.parametrize("is_lent", [True, False])
def test_the_empty_file_on_which_a_disk_is_mounted_is_no_disk_and_marks_nothing(
    tmp_path, daemon, source, is_lent
):
    lent = tmp_path / "sda"
    lent.write_bytes(source.disks["sda"])
    if is_lent:
        real_files.say_loan(lent, 7)
    base = {"sda": BaseImage(lent, "raw")}
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, base=base)
    replica.apply(*source.cycle("p1"))
    replica.close()
    lent.rename(tmp_path / "mounted")
    lent.touch()
    for look in (replica.altered_bases, replica.require_bases, lambda: replica.verify("p1")):
        with pytest.raises(errors.OldDiskAway, match="nothing is mounted"):
            look()
    (tmp_path / "mounted").rename(lent)
    assert replica.altered_bases() == ()
    assert replica.verify("p1").ok
    replica.close()
