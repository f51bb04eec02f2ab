"""What a running machine has at this moment may differ from its definition, which holds from its next
start on."""

import libvirt
import pytest

pytestmark = pytest.mark.slow

DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{path}'/>
  <target dev='vdb' bus='virtio'/></disk>"""


def attached(host, fabric_id):
    found = host.fabric.inventory.get(fabric_id)
    return found.attached, tuple(disk.key for disk in found.definition.disks)


def test_a_disk_of_the_next_start_is_not_attached_yet(host):
    fabric_id = host.make_machine("later", [1 << 20])
    assert attached(host, fabric_id) == (None, ("vda",))
    host.fabric.power.start(fabric_id)
    xml = DISK.format(path=host.make_image("later-b", 1 << 20))
    host.domain(fabric_id).attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert attached(host, fabric_id) == (("vda",), ("vda", "vdb"))


def test_a_disk_that_is_attached_for_now_is_seen(host):
    fabric_id = host.make_machine("for-now", [1 << 20])
    host.fabric.power.start(fabric_id)
    xml = DISK.format(path=host.make_image("for-now-b", 1 << 20))
    host.domain(fabric_id).attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    assert attached(host, fabric_id) == (("vda", "vdb"), ("vda",))
