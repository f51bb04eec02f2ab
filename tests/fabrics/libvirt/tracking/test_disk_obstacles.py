"""Disks that cannot be replicated are named before protection, with the reason and the way out."""

import uuid

import pytest

from rig import loop_devices
from rig.hosts.domains import firmware_xml
from rig.images import qemu_img

pytestmark = pytest.mark.slow


def checked(host, change):
    """What the check finds of a machine whose only disk's XML was changed."""
    path = host.make_image(f"d-{uuid.uuid4().hex[:6]}", 1 << 20)
    xml = firmware_xml(f"m-{uuid.uuid4().hex[:6]}", [path])
    fabric_id = host.define(change(xml))
    return list(host.fabric.tracking.check(fabric_id))


@pytest.mark.parametrize(("element", "said"), [("transient", "is transient"), ("readonly", "is read-only")])
def test_a_disk_of_a_special_kind_is_refused_with_the_reason(host, element, said):
    [obstacle] = checked(host, lambda xml: xml.replace("</disk>", f"<{element}/></disk>", 1))
    assert obstacle.blocking
    assert said in obstacle.what
    assert obstacle.disk == "vda"
    assert "xclude the disk" in obstacle.do


def test_a_network_disk_is_refused_by_its_name(host):
    more = (
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
        "<source protocol='nbd' name='shared'><host name='127.0.0.1' port='10809'/></source>"
        "<target dev='vdx' bus='virtio'/></disk></devices>"
    )
    [obstacle] = checked(host, lambda xml: xml.replace("</devices>", more))
    assert obstacle.blocking
    assert obstacle.disk == "vdx"
    assert "nbd shared" in obstacle.what


@pytest.mark.parametrize("raw", ["on", "off"])
def test_data_that_lies_in_another_file_is_refused(host, raw):
    data = host.images / f"{uuid.uuid4().hex}.raw"
    path = host.images / f"{uuid.uuid4().hex}.qcow2"
    options = f"data_file={data},data_file_raw={raw}"
    qemu_img("create", "-q", "-f", "qcow2", "-o", options, str(path), str(1 << 20))
    fabric_id = host.define(firmware_xml(f"m-{uuid.uuid4().hex[:6]}", [path]))
    [obstacle] = host.fabric.tracking.check(fabric_id)
    assert obstacle.blocking
    assert str(data) in obstacle.what


def test_qcow2_inside_a_block_device_is_refused_and_raw_on_it_is_not(host):
    device = loop_devices.begin(host.make_image(f"d-{uuid.uuid4().hex[:6]}", 1 << 20))
    try:
        named = {
            form: host.define(firmware_xml(f"m-{uuid.uuid4().hex[:6]}", [device], form=form))
            for form in ("qcow2", "raw")
        }
        [obstacle] = host.fabric.tracking.check(named["qcow2"])
        assert obstacle.blocking
        assert f"qcow2 inside the block device {device}" in obstacle.what
        assert host.fabric.tracking.check(named["raw"]) == []
    finally:
        loop_devices.end(device)
