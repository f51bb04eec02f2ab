"""A machine whose second disk its owner detaches."""

import re

import libvirt

from rig.eventually import eventually
from rig.hosts.domains import firmware_xml
from rig.images import qemu_img
from secondsite.fabrics.conformance import steps

CONTROLLER = "<controller type='scsi' index='0' model='virtio-scsi'/>"
"""Its disks go without the guest's help."""
DISK = """<disk type='file' device='disk'><driver name='qemu' type='{form}'/><source file='{path}'/>
  <target dev='sdb' bus='scsi'/></disk>"""


class DetachingMachine:
    """A protected one, and its second disk."""

    def __init__(self, host):
        self.host = host
        path, self.path = (host.make_image(f"detached-{each}", 1 << 20) for each in "ab")
        self.disk = DISK.format(path=self.path, form=host.disk_format)
        xml = firmware_xml("detached", [path], extra=CONTROLLER + self.disk, form=host.disk_format)
        self.id = host.define(xml)
        host.fabric.power.start(self.id)
        host.fabric.tracking.enable(self.id, steps.TAG)
        self.domain = host.domain(self.id)

    def detach(self):
        """As 'virsh detach-disk MACHINE sdb --live'."""
        disks = re.findall("<disk .*?</disk>", self.domain.XMLDesc(), re.DOTALL)
        (ours,) = (each for each in disks if "'sdb'" in each)
        self.domain.detachDeviceFlags(ours, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        eventually(lambda: "'sdb'" not in self.domain.XMLDesc())

    def attach(self):
        self.domain.attachDeviceFlags(self.disk, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def write(self, block):
        said = self.host.human(self.id, f'qemu-io -d scsi0-0-0-1 "write -P 7 {block * 65536} 4096"')
        assert "rror" not in said, said

    @property
    def nodes(self):
        """The files of QEMU's nodes, by their names."""
        named = self.host.qmp(self.id, "query-named-block-nodes", flat=True)["return"]
        return {each["node-name"]: each["file"] for each in named}

    def has_closed(self, *paths):
        """Whether QEMU has none of these files open. Raises if somebody has a lock."""
        for path in paths:
            qemu_img("info", path)
        return set(map(str, paths)).isdisjoint(self.nodes.values())
