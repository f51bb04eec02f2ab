"""Other vCPUs and other memory than at home: what is set, what is taken out because it does not fit, and
what stays."""

from dataclasses import replace
from pathlib import Path

import pytest

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import adapt, homecoming
from secondsite.ground.units import GiB, MiB
from secondsite.wire.common.properties import Sizing
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG, described

PLACE = adapt.HostFeatures(True, frozenset(), Path("/site/console"), Path("/site/nvram"))
NUMA = """<cpu mode='host-passthrough'><topology sockets='2' dies='1' cores='2' threads='1'/>
<numa><cell id='0' cpus='0-1' memory='1' unit='GiB'/><cell id='1' cpus='2-3' memory='1' unit='GiB'/></numa></cpu>
<numatune><memory mode='strict' nodeset='0'/></numatune><maxMemory slots='16' unit='GiB'>8</maxMemory>
<memoryBacking><hugepages/><source type='memfd'/></memoryBacking>
<vcpus><vcpu id='0' enabled='yes' hotpluggable='no'/><vcpu id='1' enabled='no' hotpluggable='yes'/></vcpus>"""  # noqa: E501
DIMM = "<memory model='dimm'><target><size unit='MiB'>512</size><node>0</node></target></memory>"


def laid_out():
    """As `described`, with cells, modules and pages."""
    before, behind = SOURCE.split("<cpu mode='host-passthrough'>")
    text = before + NUMA + behind.split("</cpu>")[1].replace("<devices>", f"<devices>{DIMM}")
    return domain_xml.definition(text, {})


def request(definition, home=None, **wanted):
    return HostRequest(
        fabric_id="99999999-1111-4111-8111-111111111111",
        name="web-dr",
        definition=definition,
        disks={"vda": Path("/new/vda.qcow2")},
        networks={},
        tag=TAG,
        sizing=Sizing(**wanted),
        home=home,
    )


def made(definition, **wanted):
    return domain_xml.parse(adapt.adapted(request(definition, **wanted), PLACE))


def sizes(root):
    return (
        root.findtext("vcpu"),
        root.findtext("memory"),
        root.findtext("currentMemory"),
        root.find("memory").get("unit"),
    )


def test_nothing_set_is_nothing_changed():
    root = made(laid_out())
    assert sizes(root) == ("4", "2", "2", "GiB")
    assert [root.find(path) is not None for path in ("cpu/topology", "cpu/numa", "maxMemory")] == [True] * 3
    assert adapt.left_out(request(laid_out()), PLACE) == ()


def test_vcpus_are_set_and_what_was_laid_out_for_others_goes():
    definition = described()
    root = made(definition, vcpus=2)
    assert sizes(root) == ("2", "2", "2", "GiB")
    assert root.find("vcpu").attrib == {}
    assert root.find("cpu").get("mode") == "host-passthrough"
    assert root.find("cpu/topology") is None
    assert adapt.left_out(request(definition, vcpus=2), PLACE) == ("CPU topology", "CPU pinning")


def test_a_topology_that_has_as_many_places_stays():
    definition = described()
    assert made(definition, vcpus=4).find("cpu/topology").get("cores") == "4"
    assert "CPU topology" not in adapt.left_out(request(definition, vcpus=4), PLACE)


def test_memory_is_set_and_the_topology_of_the_processors_stays():
    root = made(described(), memory_bytes=3 * GiB)
    assert sizes(root) == ("4", str(3 << 20), str(3 << 20), "KiB")
    assert root.find("cpu/topology") is not None
    assert adapt.left_out(request(described(), memory_bytes=3 * GiB), PLACE) == ()


@pytest.mark.parametrize("wanted", [{"vcpus": 2}, {"memory_bytes": 3 * GiB}])
def test_cells_modules_and_their_room_go_with_either(wanted):
    root, told = made(laid_out(), **wanted), adapt.left_out(request(laid_out(), **wanted), PLACE)
    assert [root.find(path) for path in ("cpu/numa", "numatune", "maxMemory", "devices/memory")] == [None] * 4
    assert {"NUMA cells", "NUMA placement", "memory modules", "room for memory modules"} <= set(told)
    assert ("huge pages" in told) == ("memory_bytes" in wanted)
    assert ("single vCPUs" in told) == ("vcpus" in wanted) == (root.find("vcpus") is None)
    assert root.find("memoryBacking/source").get("type") == "memfd"


def test_a_machine_of_another_platform_has_what_is_set_too():
    plain = described().model_copy(update={"fabric_kind": "other", "native": ""})
    assert sizes(made(plain, vcpus=2, memory_bytes=512 * MiB)) == ("2", str(512 << 10), str(512 << 10), "KiB")
    assert sizes(made(plain))[:2] == ("4", str(2 << 20))


def test_what_comes_home_has_all_as_it_was_whatever_is_asked_for():
    home = described()
    there = replace(request(laid_out(), home=home, vcpus=1, memory_bytes=64 * MiB), name="web")
    root = domain_xml.parse(homecoming.at_home(there, PLACE, home.native))
    assert sizes(root) == ("4", "2", "2", "GiB")
    assert root.find("cpu/topology") is not None
    assert root.find("cputune/vcpupin") is not None
    assert adapt.left_out(there, PLACE) == ()


@pytest.mark.parametrize(
    ("boot", "first"),
    [
        ("<boot dev='hd'/>", 1),
        ("<boot dev='network'/><boot dev='hd'/>", 1),
        ("<boot dev='network'/>", None),
        ("", None),
        ("<kernel>/boot/vmlinuz</kernel><boot dev='hd'/>", None),
    ],
)
def test_a_definition_that_names_a_kind_of_device_boots_from_its_first_disk(boot, first):
    text = SOURCE.replace("</os>", f"{boot}</os>").replace("<boot order='1'/>", "")
    found = domain_xml.definition(text, {})
    assert [disk.boot_order for disk in found.disks] == [first, None]
