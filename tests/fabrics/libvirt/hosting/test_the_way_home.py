"""A real machine leaves its host and comes home: defined, started and merged by libvirt."""

import uuid
from dataclasses import replace

import libvirt
import pytest

from rig import loop_devices
from rig.hosts.domains import firmware_xml
from rig.images import raw
from secondsite.datapath.disks import image, named_files
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from tests.fabrics.libvirt.hosting.support_definitions import child

pytestmark = pytest.mark.slow
NOT_REPLICATED = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>" \
    "<target dev='vdb' bus='virtio'/></disk><graphics type='vnc' autoport='yes' passwd='secret'/>"  # fmt: skip  # noqa: E501

GONE = """<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='{disc}'/><target dev='sda' bus='sata'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{extra}'/><target dev='vdb' bus='virtio'/></disk>
<filesystem type='mount'><source dir='{folder}'/><target dir='shared'/></filesystem>
<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0ffe' bus='0' slot='0' function='0'/></source></hostdev>
<graphics type='vnc' autoport='yes'><listen type='address' address='192.0.2.77'/></graphics>"""  # noqa: E501


@pytest.mark.parametrize("on", [True, False], ids=["autostart", "by-hand"])
def test_a_machine_comes_home_with_all_that_it_had_and_starts_with_its_host_only_if_it_did(host, on):
    path, extra = (
        host.make_image(f"w-{uuid.uuid4().hex[:6]}", 4 << 20),
        host.images / f"{uuid.uuid4().hex}.raw",
    )
    extra.write_bytes(bytes(1 << 20))
    fabric_id = host.define(
        firmware_xml(f"w-{uuid.uuid4().hex[:6]}", [path], extra=NOT_REPLICATED.format(extra))
    )
    host.domain(fabric_id).setAutostart(on)
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    before = devices(host, fabric_id)
    home = host.fabric.inventory.get(fabric_id).definition
    host.fabric.hosting.withdraw(fabric_id, steps.TAG)

    overlay = path.with_suffix(".run")
    image.create_overlay(overlay, path, "qcow2", 4 << 20)
    request = HostRequest(fabric_id, home.name, home, {"vda": overlay}, {}, steps.TAG, home=home)
    told = host.fabric.hosting.describe(request).text
    assert all(each in told for each in (str(overlay), str(extra), "secret"))
    for _ in range(2):
        host.fabric.hosting.create(request)
    assert not host.domain(fabric_id).autostart()
    host.fabric.power.start(fabric_id)
    steps.write(host, fabric_id, 1 << 20, 0x55)
    host.fabric.hosting.consolidate(fabric_id, {"vda": path}, lambda _fraction: None)
    assert bool(host.domain(fabric_id).autostart()) is on
    assert devices(host, fabric_id) == before


@pytest.mark.parametrize("on", [True, False], ids=["running", "off"])
def test_a_qcow2_of_version_2_takes_in_what_its_machine_wrote_elsewhere(host, on):
    path = host.make_image(f"w-{uuid.uuid4().hex[:6]}", 4 << 20, "-o", "compat=0.10")
    fabric_id = host.define(firmware_xml(f"w-{uuid.uuid4().hex[:6]}", [path]))
    host.fabric.power.start(fabric_id)
    steps.write(host, fabric_id, 0, 0x44, 2 << 20)
    host.fabric.power.stop(fabric_id)
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    home = host.fabric.hosting.withdraw(fabric_id, steps.TAG)
    overlay = path.with_suffix(".run")
    image.create_overlay(overlay, path, "qcow2", 6 << 20)
    host.fabric.hosting.create(
        HostRequest(fabric_id, home.name, home, {"vda": overlay}, {}, steps.TAG, home=home)
    )
    host.fabric.power.start(fabric_id)
    steps.write(host, fabric_id, 1 << 20, 0, 1 << 20)
    steps.write(host, fabric_id, 5 << 20, 0x55, 1 << 20)
    if not on:
        host.fabric.power.stop(fabric_id)
    host.fabric.hosting.consolidate(fabric_id, {"vda": path}, lambda _fraction: None)
    host.fabric.power.stop(fabric_id)
    assert not named_files.keeps_bitmaps(path)
    wanted = [0x44] * (1 << 20) + [0] * (4 << 20) + [0x55] * (1 << 20)
    assert raw(path) == bytes(wanted)


@pytest.mark.parametrize("on", [True, False], ids=["running", "off"])
def test_a_disk_that_outgrew_its_device_is_merged_into_it_once_that_is_larger(host, on):
    file = host.images / f"{uuid.uuid4().hex}.raw"
    file.write_bytes(bytes(4 << 20))
    device = loop_devices.begin(file)
    try:
        fabric_id = host.define(firmware_xml(f"w-{uuid.uuid4().hex[:6]}", [device], form="raw"))
        host.fabric.tracking.enable(fabric_id, steps.TAG)
        before = devices(host, fabric_id)
        home = host.fabric.hosting.withdraw(fabric_id, steps.TAG)
        overlay = file.with_suffix(".run")
        image.create_overlay(overlay, device, "raw", 6 << 20)
        host.fabric.hosting.create(
            HostRequest(fabric_id, home.name, home, {"vda": overlay}, {}, steps.TAG, home=home)
        )
        host.fabric.power.start(fabric_id)
        steps.write(host, fabric_id, 5 << 20, 0x55)
        if not on:
            host.fabric.power.stop(fabric_id)
        with pytest.raises(errors.NotPossibleNow, match="has 6 MiB now") as refused:
            host.fabric.hosting.consolidate(fabric_id, {"vda": device}, lambda _fraction: None)
        assert "lvextend" in refused.value.do
        loop_devices.grow(device, file, 6 << 20)
        host.fabric.hosting.consolidate(fabric_id, {"vda": device}, lambda _fraction: None)
        assert devices(host, fabric_id) == before
        host.fabric.power.stop(fabric_id)
        with device.open("rb") as disk:
            disk.seek(5 << 20)
            assert disk.read(1) == b"\x55"
    finally:
        host.clear()
        loop_devices.end(device)


def test_a_machine_that_is_restored_keeps_its_secrets(host):
    path = host.make_image(f"r-{uuid.uuid4().hex[:6]}", 4 << 20)
    console = "<graphics type='vnc' autoport='yes' passwd='secret'/>"
    fabric_id = host.define(firmware_xml(f"r-{uuid.uuid4().hex[:6]}", [path], extra=console))
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    before, seen = devices(host, fabric_id), host.fabric.inventory.get(fabric_id).definition
    host.fabric.hosting.withdraw(fabric_id, steps.TAG)
    host.fabric.hosting.restore(seen, steps.TAG)
    assert devices(host, fabric_id) == before


def test_a_machine_starts_at_home_without_what_is_gone_there_and_what_is_gone_is_known_before(host, tmp_path):
    """A disc, a folder, a disk that was not replicated, a device, an address of a console."""
    disc, extra, folder = tmp_path / "cd.iso", tmp_path / "extra.raw", tmp_path / "shared"
    disc.write_bytes(bytes(1 << 20))
    extra.write_bytes(bytes(1 << 20))
    folder.mkdir()
    name = f"g-{uuid.uuid4().hex[:6]}"
    named = GONE.format(disc=disc, extra=extra, folder=folder)
    path = host.make_image(name, 4 << 20)
    fabric_id = host.define(firmware_xml(name, [path], extra=named))
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    home = host.fabric.hosting.withdraw(fabric_id, steps.TAG)
    assert {each.what for each in host.fabric.hosting.gone(home, {"vda"})} == {
        "PCI device 0ffe:00:00.0", "address 192.0.2.77, at which the graphical console listens",
    }  # fmt: skip
    disc.unlink()
    extra.unlink()
    folder.rmdir()
    gone = host.fabric.hosting.gone(home, {"vda"})
    assert {each.what for each in gone if each.medium} == {f"{disc} (cdrom sda)"}
    assert {each.what for each in gone} >= {f"{extra} (disk vdb)", f"{folder} (filesystem shared)"}
    assert not any(each.needed for each in gone)

    overlay = path.with_suffix(".run")
    image.create_overlay(overlay, path, "qcow2", 4 << 20)
    request = HostRequest(fabric_id, home.name, home, {"vda": overlay}, {}, steps.TAG, home=home)
    host.fabric.hosting.create(request)
    emptied = domain_xml.parse(host.domain(fabric_id).XMLDesc())
    assert child(emptied, "devices/disk[@device='cdrom']").find("source") is None
    with pytest.raises(errors.FabricError):
        host.fabric.power.start(fabric_id)
    host.fabric.hosting.create(replace(request, without=frozenset(each.key for each in gone)))
    host.fabric.power.start(fabric_id)
    root = domain_xml.parse(host.domain(fabric_id).XMLDesc())
    assert [disk.key for disk in domain_xml.disks(root)] == ["vda"]
    assert root.find("devices/filesystem") is root.find("devices/hostdev") is None
    assert child(root, "devices/graphics").get("listen") == "127.0.0.1"


def devices(host, fabric_id):
    """The stored definition without what libvirt numbers anew."""
    text = host.domain(fabric_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
    root = domain_xml.parse(text)
    for parent in root.iterfind("devices/disk"):
        for name in ("address", "alias", "backingStore"):
            for element in parent.findall(name):
                parent.remove(element)
    return domain_xml.render(root)
