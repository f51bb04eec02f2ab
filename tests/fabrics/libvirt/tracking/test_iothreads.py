"""Machines that a frozen view could end: refused while QEMU is older than 9.0, with the way out."""

import secrets
import uuid

import pytest

from rig.hosts.domains import firmware_xml
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import SessionRequest

pytestmark = pytest.mark.slow

TAG = "11111111-2222-4333-8444-555555555556"


def aged(host):
    """Whether the QEMU of this host has the fault."""
    return host.connection.handle.getVersion() < 9_000_000


def with_iothreads(xml, where="disk"):
    xml = xml.replace("<os>", "<iothreads>1</iothreads><os>")
    if where == "disk":
        return xml.replace("<driver name='qemu'", "<driver name='qemu' iothread='1'")
    controller = "<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>"
    scsi = xml.replace("dev='vda' bus='virtio'", "dev='sda' bus='scsi'")
    return scsi.replace("<memballoon", controller + "<memballoon")


def xml_of(host, disks=1):
    name = f"iothread-{uuid.uuid4().hex[:8]}"
    paths = [host.make_image(f"{name}-{number}", 4 << 20) for number in range(disks)]
    return firmware_xml(name, paths)


def request(host, fabric_id, key, base=None):
    return SessionRequest(fabric_id, (key,), base, f"secondsite-1-{secrets.token_hex(4)}", host.scratch_dir)


@pytest.mark.parametrize(("where", "key"), [("disk", "vda"), ("controller", "sda")])
def test_a_machine_with_an_iothread_is_refused_with_the_way_out(host, where, key):
    fabric_id = host.define(with_iothreads(xml_of(host), where))
    found = [each for each in host.fabric.tracking.check(fabric_id) if "iothread" in each.what]
    if not aged(host):
        assert found == []
        return
    (obstacle,) = found
    assert obstacle.blocking
    assert obstacle.disk == key
    assert "Remove the iothread" in obstacle.do
    assert "QEMU to 9.0" in obstacle.do


def test_an_iothread_of_another_disk_is_no_obstacle_to_the_rest(host):
    xml = with_iothreads(xml_of(host, disks=2))
    first, driver, rest = xml.partition("<driver name='qemu' iothread='1'")
    fabric_id = host.define(first + driver + rest.replace(" iothread='1'", "", 1))
    found = {each.disk for each in host.fabric.tracking.check(fabric_id) if "iothread" in each.what}
    assert found == ({"vda"} if aged(host) else set())


@pytest.mark.parametrize(("where", "key"), [("disk", "vda"), ("controller", "sda")])
def test_no_view_of_a_running_machine_with_an_iothread_is_opened(host, where, key):
    fabric_id = host.define(with_iothreads(xml_of(host), where))
    host.fabric.tracking.enable(fabric_id, TAG)
    host.fabric.power.start(fabric_id)
    if not aged(host):
        with host.fabric.tracking.open(request(host, fabric_id, key)):
            return
    for _ in range(2):
        with pytest.raises(errors.UnsafeToView, match="iothread"):
            with host.fabric.tracking.open(request(host, fabric_id, key)):
                pass
    with pytest.raises(errors.UnsafeToView):
        host.fabric.tracking.unwritten(fabric_id, [key], "secondsite-1-1")
    assert host.qmp(fabric_id, "query-block-jobs")["return"] == []


def test_at_rest_it_is_read_as_any_other(host):
    fabric_id = host.define(with_iothreads(xml_of(host)))
    host.fabric.tracking.enable(fabric_id, TAG)
    with host.fabric.tracking.open(request(host, fabric_id, "vda")) as session:
        assert len(steps.content(session.disks[0])) == 4 << 20
