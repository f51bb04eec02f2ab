"""What the check before protection finds, and how bitmaps that cannot be trusted are told from good ones."""

import json
import secrets
import shutil
import uuid

import pytest

from rig.hosts.domains import firmware_xml
from rig.images import qemu_img
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import SessionRequest
from secondsite.fabrics.libvirt.tracking import filter_view, trackable

pytestmark = pytest.mark.slow


def machine_on(host, path, form="qcow2"):
    return host.define(firmware_xml(f"m-{uuid.uuid4().hex[:8]}", [path], form=form))


def whats(host, fabric_id):
    return " ".join(one.what for one in host.fabric.tracking.check(fabric_id) if one.blocking)


def test_a_plain_qcow2_machine_has_no_obstacle(host):
    assert host.fabric.tracking.check(host.make_machine("plain", [4 << 20])) == []


def test_a_disk_on_a_bus_whose_trim_can_hang_an_older_qemu_is_warned_of(host, monkeypatch):
    xml = firmware_xml("trims", [host.make_image("trims", 4 << 20)])
    fabric_id = host.define(
        xml.replace("dev='vda' bus='virtio'", "dev='sda' bus='sata'").replace("'pc'", "'q35'")
    )
    monkeypatch.setattr(trackable, "TRIM_SAFE_SINCE", (99, 0))
    (warned,) = host.fabric.tracking.check(fabric_id)
    assert (warned.blocking, warned.disk) == (False, "sda")
    assert "TRIM" in warned.what
    monkeypatch.setattr(trackable, "TRIM_SAFE_SINCE", (1, 0))
    assert host.fabric.tracking.check(fabric_id) == []


def test_a_raw_disk_has_no_obstacle_whatever_its_guest_wrote_at_its_beginning(host):
    path = host.images / "raw.img"
    path.write_bytes(b"\0" * (1 << 20))
    assert host.fabric.tracking.check(machine_on(host, path, "raw")) == []
    path.write_bytes(host.make_image("header", 1 << 20, "-o", "compat=0.10").read_bytes())
    assert host.fabric.tracking.check(machine_on(host, path, "raw")) == []


def test_a_raw_disk_where_no_filter_can_follow_it_is_an_obstacle_with_the_way_out(host, monkeypatch):
    path = host.images / "raw.img"
    path.write_bytes(b"\0" * (1 << 20))
    monkeypatch.setattr(filter_view, "SINCE", (99, 0))
    (obstacle,) = host.fabric.tracking.check(machine_on(host, path, "raw"))
    assert obstacle.blocking
    assert "qemu-img convert" in obstacle.do


def test_a_disk_of_another_format_is_an_obstacle_with_the_way_out(host):
    path = host.images / "other.vmdk"
    qemu_img("create", "-q", "-f", "vmdk", path, "1M")
    (obstacle,) = host.fabric.tracking.check(machine_on(host, path, "vmdk"))
    assert obstacle.blocking
    assert "qemu-img convert" in obstacle.do


def test_a_qcow2_of_version_2_is_an_obstacle_only_where_no_filter_can_follow_it(host, monkeypatch):
    fabric_id = machine_on(host, host.make_image("old", 1 << 20, "-o", "compat=0.10"))
    assert host.fabric.tracking.check(fabric_id) == []
    monkeypatch.setattr(filter_view, "SINCE", (99, 0))
    (obstacle,) = host.fabric.tracking.check(fabric_id)
    assert obstacle.blocking
    assert "qemu-img amend" in obstacle.do


def test_an_internal_snapshot_is_an_obstacle(host):
    path = host.make_image("snap", 1 << 20)
    qemu_img("snapshot", "-c", "before", str(path))
    assert "internal snapshot 'before'" in whats(host, machine_on(host, path))


def test_a_missing_image_is_an_obstacle(host):
    assert "cannot be read" in whats(host, machine_on(host, host.images / "nowhere.qcow2"))


def test_a_volume_of_a_pool_that_libvirt_does_not_know_is_an_obstacle(host):
    path = host.make_image("volume", 1 << 20)
    plain = firmware_xml(f"m-{uuid.uuid4().hex[:8]}", [path])
    named = plain.replace("type='file' device='disk'", "type='volume' device='disk'").replace(
        f"<source file='{path}'/>", "<source pool='images' volume='root.qcow2'/>"
    )
    assert named != plain
    (obstacle,) = host.fabric.tracking.check(host.define(named))
    assert "the volume root.qcow2 of the storage pool images" in obstacle.what
    assert "virsh pool-start images" in obstacle.do


def test_a_restored_image_that_carries_our_bitmap_is_not_believed(host):
    fabric_id = steps.protected(host, "restored")
    base = steps.checkpoint(host, fabric_id)
    path = host.disk_path(fabric_id, "vda")
    steps.stopped(host, fabric_id)
    backup = path.with_suffix(".backup")
    shutil.copy(path, backup)
    host.fabric.power.start(fabric_id)
    steps.write(host, fabric_id, 1 << 20, 0x77)
    steps.stopped(host, fabric_id)
    backup.rename(path)
    with steps.view(host, fabric_id, base) as session:
        assert session.disks[0].bitmaps == ()
    host.fabric.power.start(fabric_id)
    with steps.view(host, fabric_id, base) as session:
        assert session.disks[0].bitmaps == ()


def snapshot_outside(host, fabric_id):
    xml = (
        "<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='external'><source "
        f"file='{host.images}/{secrets.token_hex(4)}.qcow2'/></disk></disks></domainsnapshot>"
    )
    host.domain(fabric_id).snapshotCreateXML(xml, 16)


def test_what_was_written_before_an_external_snapshot_is_not_taken_for_nothing(host):
    fabric_id = steps.protected(host, "snapshot-silent")
    base = steps.checkpoint(host, fabric_id)
    steps.write(host, fabric_id, 0, 0x01)
    snapshot_outside(host, fabric_id)
    assert host.fabric.tracking.unwritten(fabric_id, ["vda"], base) is None
    later = steps.checkpoint(host, fabric_id, base)
    assert host.fabric.tracking.unwritten(fabric_id, ["vda"], later) is not None


def test_under_a_foreign_job_nothing_is_claimed(host):
    fabric_id = steps.protected(host, "foreign-job")
    base = steps.checkpoint(host, fabric_id)
    domain = host.domain(fabric_id)
    server = f"<server transport='unix' socket='{host.images}/foreign'/>"
    domain.backupBegin(f"<domainbackup mode='pull'>{server}</domainbackup>", None)
    try:
        assert host.fabric.tracking.unwritten(fabric_id, ["vda"], base) is None
    finally:
        domain.abortJob()
    steps.until(lambda: host.fabric.tracking.unwritten(fabric_id, ["vda"], base) is not None)


def test_the_delta_goes_on_over_an_external_snapshot(host):
    fabric_id = steps.protected(host, "snapshot")
    base = steps.checkpoint(host, fabric_id)
    steps.write(host, fabric_id, 0, 0x01)
    snapshot_outside(host, fabric_id)
    steps.write(host, fabric_id, 2 << 20, 0x02)
    with steps.view(host, fabric_id, base) as session:
        assert not session.disks[0].bitmaps or steps.dirty_blocks(session.disks[0]) >= {0, 32}
        assert steps.byte_at(session.disks[0], 0) == 0x01


def test_only_the_named_disks_are_in_a_view(host):
    fabric_id = steps.protected(host, "some", [2 << 20, 2 << 20])
    request = SessionRequest(fabric_id, ("vdb",), None, steps.new_checkpoint(), host.scratch_dir)
    with host.fabric.tracking.open(request) as session:
        assert [disk.key for disk in session.disks] == ["vdb"]
    for keys, expected in (("vdb",), {"vdb": True}), (("vda", "vdb"), {"vda": False, "vdb": True}):
        request = SessionRequest(
            fabric_id, keys, session.checkpoint, steps.new_checkpoint(), host.scratch_dir
        )
        with host.fabric.tracking.open(request) as following:
            assert {disk.key: bool(disk.bitmaps) for disk in following.disks} == expected


def test_a_disk_that_is_not_there_is_refused_by_name(host):
    fabric_id = steps.protected(host, "no-disk")
    request = SessionRequest(fabric_id, ("vdz",), None, steps.new_checkpoint(), host.scratch_dir)
    with pytest.raises(errors.FabricError, match="vdz"), host.fabric.tracking.open(request):
        pass


def test_no_bitmap_is_left_when_an_off_machine_is_released(host):
    fabric_id = steps.protected(host, "release")
    steps.checkpoint(host, fabric_id)
    path = host.disk_path(fabric_id, "vda")
    steps.stopped(host, fabric_id)
    host.fabric.tracking.disable(fabric_id)
    specific = json.loads(qemu_img("info", "--output=json", str(path)))["format-specific"]["data"]
    assert not specific.get("bitmaps")


def test_a_disk_on_many_files_is_warned_of_before_its_libvirt_takes_no_more(host, tmp_path):
    below = None
    for number in range(21):
        path = tmp_path / f"{number}.qcow2"
        on = ["-u", "-b", str(below), "-F", "qcow2"]
        qemu_img("create", "-f", "qcow2", *(on if below else []), str(path), "4M")
        below = path
    (found,) = host.fabric.tracking.check(machine_on(host, below))
    assert "stands on 21 files" in found.what
    assert "blockcommit" in found.do
    assert not found.blocking
