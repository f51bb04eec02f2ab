"""Of everything that libvirt's schemas know in a definition it is said what becomes of it, and what is
said is done."""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest

from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import (
    adapt,
    allowed,
    comes_along,
    foreign,
    guards,
    missing_parts,
    newer,
)
from secondsite.fabrics.libvirt.hosting import generation as generations
from tests.fabrics.libvirt.hosting.support_definitions import SOURCE, TAG, child, described
from tests.support import libvirt_schemas

STEPS = re.compile(r"(?:\{[^}]*\})?[^/]+")
FEW = 1500
"""Fewer places than any release that is supported knows: a walk that finds no more has lost its way."""


@pytest.fixture(scope="module")
def places():
    if not libvirt_schemas.FOLDER.exists():
        pytest.skip("libvirt's schemas are not installed")
    return libvirt_schemas.domain_places()


def test_of_nothing_that_libvirt_knows_it_is_unsaid_what_becomes_of_it(places):
    assert len(places) > FEW
    assert sorted(place for place in places if comes_along.of(place) is None) == []


def test_what_is_not_taken_is_named_unless_the_table_says_why_not(places):
    """Each place alone, in a document that has nothing else."""
    for place in sorted(places):
        root = Element("domain")
        value = next(iter(allowed.ONE_OF.get(place, {"no such kind"})))
        _set(root, place, "" if place.endswith("@passwd") else value)
        admitted = foreign.admit(root)
        is_taken = _has(admitted.root, place)
        part = comes_along.of(place)
        assert part is not None
        if is_taken:
            assert part.fate is not comes_along.Fate.LEFT_OUT or not part.is_named, place
        elif part.is_named:
            assert admitted.left_out, place
            assert part.words in comes_along.named(admitted.left_out), place
        else:
            assert part is not comes_along.CARRIED or admitted.left_out, place


def _set(root, place, value):
    path, is_attribute, name = place.partition("@")
    at = root
    walked = ""
    for step in STEPS.findall(path):
        at = SubElement(at, step)
        walked = f"{walked}/{step}".lstrip("/")
        for kind, words in allowed.ONE_OF.items():
            if kind.rpartition("@")[0] == walked and kind != place:
                at.set(kind.rpartition("@")[2], next(iter(words)))
    if is_attribute:
        at.set(name, value)


def _has(root, place):
    path, is_attribute, name = place.partition("@")
    at = root
    for step in STEPS.findall(path):
        at = at.find(step) if at is not None else None
    return at is not None and (not is_attribute or at.get(name) is not None)


def test_a_part_that_nobody_thought_of_is_left_out_and_named_as_it_is_called():
    root = domain_xml.parse(SOURCE)
    SubElement(child(root, "devices"), "brandnew")
    child(root, "devices/disk/driver").set("brandnew", "x")
    (note,) = missing_parts.left_out(root)
    assert "devices/brandnew" in note.what
    assert "devices/disk/driver@brandnew" in note.what


def test_what_the_owner_added_for_qemu_itself_is_named():
    added = (
        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg "
        "value='-x'/></qemu:commandline></domain>"
    )
    (note,) = missing_parts.left_out(domain_xml.parse(SOURCE.replace("</domain>", added)))
    assert "arguments for QEMU itself (qemu:commandline)" in note.what


def test_no_word_of_the_table_is_for_what_is_carried_and_no_path_is_misspelled(places):
    """But for what newer releases know, and what is carried with other values."""
    known = {*places, *(place.partition("@")[0] for place in places), "@type"}
    strange = [path for path in comes_along.PARTS if path not in known]
    assert set(strange) <= {
        "@id", "os/shim", "features/aia", "devices/crypto", "devices/pstore", "devices/disk/driver/iothreads",
        "devices/controller/driver/iothreads", "devices/controller/target@memReserve",
        "devices/graphics@username",
        "devices/graphics@rendernode", "devices/audio@runtimeDir", "devices/memory/target/address",
        "devices/memory/target@dynamicMemslots", "devices/interface/mac@currentAddress",
        "devices/interface/driver@model",
        "devices/tpm/backend/profile", "devices/tpm/backend@debug", "devices/video/model@blob",
        "devices/disk/reservations",
        "devices/interface/mac@type", "devices/serial@type", "devices/console@type",
    }, strange  # fmt: skip


GUARDED = SOURCE.replace(
    "<mac address='52:54:00:00:00:01'/>",
    "<mac address='52:54:00:00:00:01'/><filterref filter='clean-traffic'><parameter name='IP' "
    "value='10.0.0.7'/></filterref><port isolated='yes'/>",
)


def made(text, networks=None, place=None, **more):
    definition = described().model_copy(update={"native": text})
    request = HostRequest(
        fabric_id="99999999-1111-4111-8111-111111111111", name="web-test", definition=definition,
        disks={"vda": Path("/new/vda.qcow2")}, networks=networks or {"net0": "lan"}, tag=TAG, **more,
    )  # fmt: skip
    at = place or adapt.HostFeatures(True, frozenset({"lan"}), Path("/site/console"), Path("/site/nvram"))
    return domain_xml.parse(adapt.adapted(request, at)), adapt.left_out(request, at)


def place(**more):
    return adapt.HostFeatures(True, frozenset({"lan"}), Path("/c"), Path("/n"), **more)


def test_a_card_keeps_its_filter_where_there_is_one_of_that_name_and_else_it_is_told():
    has = place(guarding_networks=frozenset({"lan"}), filters=frozenset({"clean-traffic"}))
    root, told = made(GUARDED, place=has)
    assert root.find("devices/interface/filterref").get("filter") == "clean-traffic"
    assert root.find("devices/interface/filterref/parameter").attrib == {"name": "IP", "value": "10.0.0.7"}
    assert root.find("devices/interface/port").get("isolated") == "yes"
    assert told == ()
    root, told = made(GUARDED, place=place(guarding_networks=frozenset({"lan"})))
    assert root.find("devices/interface/filterref") is None
    assert told == ("the network filter 'clean-traffic' of net0",)
    root, told = made(GUARDED, place=place(filters=frozenset({"clean-traffic"})))  # Open vSwitch
    assert root.find("devices/interface/filterref") is root.find("devices/interface/port") is None
    assert told == ("the network filter 'clean-traffic' of net0", "the isolation of net0")


def test_a_filter_that_is_not_here_and_one_that_knows_the_address_at_home_are_told_before():
    root = domain_xml.parse(GUARDED)
    (note,) = guards.notes(root, frozenset())
    assert "net0 has the network filter 'clean-traffic'" in note.what
    assert "virsh nwfilter-dumpxml clean-traffic" in note.do
    (note,) = guards.notes(root, frozenset({"clean-traffic"}))
    assert "lets only IP 10.0.0.7 through" in note.what


LIMITS = """<cputune><shares>512</shares><period>100000</period><quota>50000</quota><vcpupin vcpu='0' cpuset='1'/></cputune>
<memtune><hard_limit unit='MiB'>4096</hard_limit></memtune><blkiotune><weight>300</weight>
<device><path>/dev/sda</path><weight>500</weight></device></blkiotune>"""  # noqa: E501
LIMITED = SOURCE.replace("<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>", LIMITS)


def test_limits_of_processor_memory_and_io_come_along_and_what_names_the_host_is_named():
    root, _ = made(LIMITED)
    assert [root.findtext(path) for path in ("cputune/shares", "cputune/quota", "memtune/hard_limit", "blkiotune/weight")] == [  # noqa: E501
        "512", "50000", "4096", "300",
    ]  # fmt: skip
    assert root.find("cputune/vcpupin") is root.find("blkiotune/device") is None
    (note,) = missing_parts.left_out(domain_xml.parse(LIMITED))
    assert "CPU pinning" in note.what
    assert "I/O limits that name devices" in note.what


WITH_ID = SOURCE.replace("<metadata>", "<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid><metadata>")


def test_a_machine_that_goes_back_in_time_has_another_generation_and_one_that_goes_on_its_own():
    was = domain_xml.parse(WITH_ID).findtext("genid")
    assert made(WITH_ID)[0].findtext("genid") == was
    first, second = (made(WITH_ID, goes_back=mark)[0].findtext("genid") for mark in ("one", "two"))
    assert len({was, first, second}) == 3
    assert made(WITH_ID, goes_back="one")[0].findtext("genid") == first
    assert made(SOURCE, goes_back="one")[0].find("genid") is None


def test_at_home_it_has_the_generation_that_its_guest_knows():
    there, home = domain_xml.parse(WITH_ID.replace("43dc", "aaaa")), domain_xml.parse(WITH_ID)
    generations.take_along(there, home)
    assert home.findtext("genid", "").startswith("aaaa")
    home = domain_xml.parse(SOURCE)
    generations.take_along(there, home)
    assert home.find("genid") is None


def test_what_an_older_libvirt_refuses_is_left_out_and_named():
    text = SOURCE.replace("</devices>", "<watchdog model='itco' action='reset'/></devices>")
    assert made(text)[0].find("devices/watchdog") is not None
    root, told = made(text, place=place(libvirt=9_000_000))
    assert root.find("devices/watchdog") is None
    assert told == ("the watchdog of its chip set (itco)",)
    (note,) = newer.notes(domain_xml.parse(text), 9_000_000)
    assert "itco" in note.what


@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_formats_of_a_firmware_come_along(kind):
    text = SOURCE.replace("<loader type", f"<loader format='{kind}' type").replace(
        "<nvram template", f"<nvram format='{kind}' templateFormat='{kind}' template"
    )
    assert "os/loader@format" not in foreign.admit(domain_xml.parse(text)).left_out
    assert not any(each.startswith("os/nvram@") for each in foreign.admit(domain_xml.parse(text)).left_out)
    assert made(text)[0].find("os/loader").get("format") == kind


def test_what_lies_in_a_drive_and_the_zone_of_the_clock_are_told():
    notes = [*missing_parts.media(domain_xml.parse(SOURCE))]
    assert [note.what for note in notes] == [
        "/old/cd.iso in the drive sda does not come along; here the drive is empty."
    ]
    (note,) = missing_parts.clock(domain_xml.parse(SOURCE.replace("offset='utc'", "offset='localtime'")))
    assert "time zone of its host" in note.what
    assert [*missing_parts.clock(domain_xml.parse(SOURCE))] == []


def test_a_card_that_is_a_device_of_the_host_is_told_of():
    text = SOURCE.replace("<interface type='bridge'>", "<interface type='hostdev'>")
    (note,) = missing_parts.cards_of_the_host(domain_xml.parse(text))
    assert note.what == "net1 is a device of its own host (hostdev); here it is an emulated card (rtl8139)."
