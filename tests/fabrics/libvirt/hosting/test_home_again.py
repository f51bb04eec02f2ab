"""A machine comes home as it left: its own cards, processors, devices, and disks that were not replicated."""

from pathlib import Path

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import adapt, homecoming, missing_parts
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG, described

PLACE = adapt.HostFeatures(True, frozenset({"default"}), Path("/site/console"), Path("/site/nvram"))
ID = "11111111-1111-4111-8111-111111111111"


def at_the_other_site():
    """The machine as it ran there: without its first card."""
    request = HostRequest("9" * 8 + ID[8:], "web", described(), {"vda": Path("/b/vda")}, {"net1": "lan"}, TAG)
    return domain_xml.definition(adapt.adapted(request, PLACE), {"vda": 10 << 30})


def home_again(disks):
    request = HostRequest(ID, "web", at_the_other_site(), disks, {}, TAG, home=described())
    return domain_xml.parse(homecoming.at_home(request, PLACE, SOURCE))


def told(root, path):
    return [domain_xml.render(element) for element in root.iterfind(path)]


def test_everything_but_the_replicated_disk_is_as_it_was():
    root = home_again({"vda": Path("/runs/vda.qcow2")})
    before = domain_xml.parse(SOURCE)
    domain_xml.set_tag(before, TAG)
    before.attrib.pop("id")
    for name in ("uuid", "vcpu", "cputune", "sysinfo", "os", "cpu", "features", "memory"):
        assert told(root, name) == told(before, name)
    for name in ("interface", "hostdev", "serial", "graphics"):
        assert told(root, f"devices/{name}") == told(before, f"devices/{name}")
    disks = {disk.key: disk.path for disk in domain_xml.disks(root)}
    assert disks == {"vda": "/runs/vda.qcow2", "vdb": "/dev/sdx"}
    assert root.find("devices/disk/driver").attrib == {"name": "qemu", "type": "qcow2", "cache": "none"}
    assert root.find("devices/disk/boot").get("order") == "1"


def test_a_disk_that_only_the_other_site_knows_comes_along():
    there = at_the_other_site()
    native = there.native.replace("</devices>", "<disk type='file' device='disk'><driver name='qemu' "
        "type='qcow2'/><source file='/b/vdc'/><target dev='vdc' bus='virtio'/></disk></devices>")  # fmt: skip
    definition = domain_xml.definition(native, {})
    disks = {"vda": Path("/runs/vda"), "vdc": Path("/runs/vdc")}
    request = HostRequest(ID, "web", definition, disks, {}, TAG, home=described())
    root = domain_xml.parse(homecoming.at_home(request, PLACE, SOURCE))
    assert {disk.key: disk.path for disk in domain_xml.disks(root)} == {
        "vda": "/runs/vda", "vdb": "/dev/sdx", "vdc": "/runs/vdc",
    }  # fmt: skip


def test_cards_that_are_left_out_are_gone_and_the_others_are_as_they_were():
    request = HostRequest(
        ID, "web", at_the_other_site(), {"vda": Path("/runs/vda")}, {}, TAG, home=described(),
        not_connected=frozenset({"net0"})
    )  # fmt: skip
    root = domain_xml.parse(homecoming.at_home(request, PLACE, SOURCE))
    assert told(root, "devices/interface") == told(domain_xml.parse(SOURCE), "devices/interface")[1:]


GLUSTER = """<disk type='network' device='disk'><driver name='qemu' type='raw'/>
<source protocol='gluster' name='shared/disk1'><host name='10.1.1.1' port='24007'/></source>
<target dev='vdc' bus='virtio'/></disk></devices>"""
WITH_GLUSTER = SOURCE.replace("</devices>", GLUSTER)


def test_a_disk_that_comes_over_the_network_is_told_of_stays_behind_and_is_there_again_at_home():
    """So that nobody has to remove a second one (S-341)."""
    (found,) = missing_parts.disks_left_behind(domain_xml.parse(WITH_GLUSTER))
    assert found.what == (
        "Disk vdc comes over the network (gluster shared/disk1); here the machine runs without it."
    )
    assert not found.blocking
    home = domain_xml.definition(WITH_GLUSTER, {"vda": 10 << 30})
    away = HostRequest("9" * 8 + ID[8:], "web", home, {"vda": Path("/b/vda")}, {"net1": "lan"}, TAG)
    there = domain_xml.definition(adapt.adapted(away, PLACE), {"vda": 10 << 30})
    assert [disk.key for disk in there.disks] == ["vda"]
    back = HostRequest(ID, "web", there, {"vda": Path("/runs/vda")}, {}, TAG, home=home)
    root = domain_xml.parse(homecoming.at_home(back, PLACE, WITH_GLUSTER))
    assert told(root, "devices/disk")[-1] == told(domain_xml.parse(WITH_GLUSTER), "devices/disk")[-1]
