"""A machine whose type this host's QEMU does not know runs on the same chip set in the nearest version, and
that is said."""

import uuid

import pytest

from rig.hosts.domains import firmware_xml
from secondsite.fabrics.interface import HostRequest
from secondsite.fabrics.libvirt.host import domain_xml

TAG = "33333333-2222-4333-8444-555555555555"


def kind_of(text):
    """The machine type of a definition."""
    (kind,) = domain_xml.parse(text).iterfind("os/type")
    return kind.get("machine", "")


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
