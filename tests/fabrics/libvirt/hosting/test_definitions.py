"""Domain XML in, domain XML out: what a machine takes along to another host and what it leaves behind."""

from pathlib import Path

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import adapt
from secondsite.wire.common.machines import DiskDefinition, MachineDefinition, NicDefinition
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG, described


def adapted(kvm=True, networks=None, firmware=None, definition=None, disks=None):
    request = HostRequest(
        fabric_id="99999999-1111-4111-8111-111111111111", name="web-test",
        definition=definition or described(),
        disks=disks or {"vda": Path("/new/vda.qcow2")}, networks=networks or {"net0": "drill"}, tag=TAG,
        firmware=firmware or {},
    )  # fmt: skip
    return domain_xml.parse(
        adapt.adapted(
            request, adapt.HostFeatures(kvm, frozenset({"lan"}), Path("/site/console"), Path("/site/nvram"))
        )
    )


def test_a_definition_says_what_the_xml_says():
    found = described()
    assert (found.name, found.vcpus, found.memory_bytes, found.firmware) == ("web", 4, 2 << 30, "uefi")
    assert [(disk.key, disk.path, disk.size_bytes, disk.boot_order) for disk in found.disks] == [
        ("vda", "/old/a.qcow2", 10 << 30, 1),
        ("vdb", "/dev/sdx", 1 << 30, None),
    ]
    assert [(nic.key, nic.mac, nic.network) for nic in found.nics] == [
        ("net0", "52:54:00:00:00:01", "default"),
        ("net1", "52:54:00:00:00:02", "br0"),
    ]


def test_the_copy_has_its_own_name_and_our_tag_and_no_metadata_of_others():
    root = adapted()
    assert (root.findtext("name"), root.findtext("uuid")) == (
        "web-test",
        "99999999-1111-4111-8111-111111111111",
    )
    assert domain_xml.tag_of(root) == TAG
    assert len(root.find("metadata")) == 1


def test_only_replicated_disks_come_along_and_media_stay_behind():
    disks = {disk.find("target").get("dev"): disk for disk in adapted().iterfind("devices/disk")}
    assert sorted(disks) == ["sda", "vda"]
    assert disks["sda"].find("source") is None
    assert disks["vda"].find("source").attrib == {"file": "/new/vda.qcow2"}
    assert disks["vda"].find("driver").get("cache") == "none"


def test_what_stands_in_for_a_disk_is_at_its_place_and_the_machine_s_alone():
    vdb = "<source dev='/dev/sdx'/><target dev='vdb' bus='virtio'/>"
    shared = SOURCE.replace(vdb, f"{vdb}<serial>scratch</serial><shareable/>")
    definition = domain_xml.definition(shared, {"vda": 10 << 30, "vdb": 1 << 30})
    files = {"vda": Path("/new/vda.qcow2"), "vdb": Path("/new/vdb.stand-in.qcow2")}
    root = adapted(definition=definition, disks=files)
    disks = {disk.find("target").get("dev"): disk for disk in root.iterfind("devices/disk")}
    assert list(disks) == ["vda", "vdb", "sda"]
    assert disks["vdb"].find("source").attrib == {"file": "/new/vdb.stand-in.qcow2"}
    assert (disks["vdb"].get("type"), disks["vdb"].find("driver").get("type")) == ("file", "qcow2")
    assert disks["vdb"].findtext("serial") == "scratch"
    assert disks["vdb"].find("shareable") is None


def test_cards_go_to_the_mapped_network_or_are_left_out():
    (card,) = adapted().iterfind("devices/interface")
    assert card.get("type") == "bridge"
    assert card.find("source").attrib == {"bridge": "drill"}
    assert card.find("mac").get("address") == "52:54:00:00:00:01"
    cards = list(adapted(networks={"net0": None, "net1": "lan"}).iterfind("devices/interface"))
    assert [(one.get("type"), one.find("source").attrib) for one in cards] == [
        ("network", {"network": "lan"})
    ]


def test_host_devices_and_pinning_stay_behind():
    root = adapted()
    assert root.find("devices/hostdev") is None
    assert root.find("cputune") is None
    assert "cpuset" not in root.find("vcpu").attrib
    assert root.find("sysinfo/system/entry") is None


def test_without_kvm_the_machine_is_emulated():
    assert adapted(kvm=True).get("type") == "kvm"
    root = adapted(kvm=False)
    assert root.get("type") == "qemu"
    assert root.find("cpu") is None
    assert root.find("features/hyperv") is None
    assert [timer.get("name") for timer in root.iterfind("clock/timer")] == ["rtc"]


def test_console_and_nvram_are_places_of_this_host():
    root = adapted()
    assert root.find("devices/serial/source").attrib == {"path": "/site/console/web-test.log", "append": "on"}
    assert root.find("os/nvram").text is None
    brought = adapted(firmware={"nvram": b"variables"})
    assert brought.findtext("os/nvram") == f"/site/nvram/{brought.findtext('uuid')}.fd"


def test_a_machine_of_another_platform_gets_a_plain_definition():
    definition = MachineDefinition(
        fabric_id="x", name="sim", fabric_kind="simulated", vcpus=2, memory_bytes=64 << 20,
        disks=(DiskDefinition(key="vda", size_bytes=1),),
        nics=(NicDefinition(key="net0", mac="52:54:00:00:00:09"),),
    )  # fmt: skip
    request = HostRequest("y", "sim", definition, {"vda": Path("/new/vda.qcow2")}, {"net0": "lan"}, TAG)
    root = domain_xml.parse(
        adapt.adapted(request, adapt.HostFeatures(False, frozenset({"lan"}), Path("/c"), Path("/n")))
    )
    found = domain_xml.definition(domain_xml.render(root), {})
    assert (found.name, found.vcpus, found.memory_bytes) == ("sim", 2, 64 << 20)
    assert [disk.path for disk in found.disks] == ["/new/vda.qcow2"]
    assert [nic.network for nic in found.nics] == ["lan"]


def test_the_tag_can_be_taken_out_again():
    root = domain_xml.parse(SOURCE)
    domain_xml.set_tag(root, TAG)
    domain_xml.set_tag(root, None)
    assert domain_xml.tag_of(root) is None
    assert root.find("metadata") is not None
