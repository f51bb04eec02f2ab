"""A machine whose type is newer than this host's QEMU runs on the same chip set in an older version, and
that is said."""

import uuid

import pytest

from rig.hosts.domains import firmware_xml
from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml
from secondsite.fabrics.libvirt.hosting import machine_types

TAG = "33333333-2222-4333-8444-555555555555"
DEBIAN_12 = frozenset({
    "q35", "pc", "pc-q35-7.2", "pc-q35-6.2", "pc-q35-2.10", "pc-q35-2.9", "pc-i440fx-7.2", "microvm",
    "pc-q35-bookworm",
})  # fmt: skip


def kind_of(text):
    """The machine type of a definition."""
    (kind,) = domain_xml.parse(text).iterfind("os/type")
    return kind.get("machine", "")


@pytest.mark.parametrize(("wanted", "here"), [
    ("pc-q35-10.0", "pc-q35-7.2"),
    ("pc-i440fx-10.0", "pc-i440fx-7.2"),
    ("pc-q35-6.2", "pc-q35-6.2"),
    ("pc-q35-6.0", "pc-q35-2.10"),  # not 2.9: versions are no text
    ("pc-q35-1.4", "pc-q35-1.4"),  # none is older
    ("virt-10.0", "virt-10.0"),  # another chip set
    ("q35", "q35"),
    ("pc-q35-noble", "pc-q35-noble"),
])  # fmt: skip
def test_the_newest_older_version_of_the_same_chip_set_is_the_nearest(wanted, here):
    assert machine_types.nearest(wanted, DEBIAN_12) == here


def test_nothing_changes_where_it_is_not_known_what_there_is():
    assert machine_types.nearest("pc-q35-10.0", frozenset()) == "pc-q35-10.0"


@pytest.mark.slow
def test_a_machine_of_a_later_qemu_is_checked_made_and_started_as_the_nearest_that_is_here(host):
    path = host.make_image(f"c-{uuid.uuid4().hex[:6]}", 1 << 20)
    found = host.fabric.inventory.get(host.define(firmware_xml("later", [path]))).definition
    mine = kind_of(found.native)
    family, _, version = mine.rpartition("-")
    assert version, "a definition names a version"
    later = found.model_copy(update={"native": found.native.replace(mine, f"{family}-99.0")})
    notes = host.fabric.hosting.check(later)
    assert [one.what for one in notes if one.blocking] == []
    assert any(f"{family}-99.0; here the machine is a {mine}" in one.what for one in notes)
    request = HostRequest(
        str(uuid.uuid4()), "later-here", later,
        {"vda": host.make_image(f"h-{uuid.uuid4().hex[:6]}", 1 << 20)}, {}, TAG
    )  # fmt: skip
    assert f"the machine type {family}-99.0 (it is {mine})" in host.fabric.hosting.create(request)
    host.fabric.power.start(request.fabric_id)
    assert kind_of(host.domain(request.fabric_id).XMLDesc()) == mine


@pytest.mark.slow
def test_a_machine_of_a_chip_set_that_is_not_here_is_refused_before(host):
    path = host.make_image(f"c-{uuid.uuid4().hex[:6]}", 1 << 20)
    found = host.fabric.inventory.get(host.define(firmware_xml("other", [path]))).definition
    mine = kind_of(found.native)
    other = found.model_copy(update={"native": found.native.replace(mine, "pc-other-99.0")})
    (refused,) = [one for one in host.fabric.hosting.check(other) if one.blocking]
    assert "does not know this kind of machine" in refused.what
