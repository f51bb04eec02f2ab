"""Disks that QEMU reads over the network: which are refused and why, and servers that are silent."""

import socket
import time

import pytest

from rig.hosts.domains import firmware_xml
from rig.iscsi_target import IscsiTarget
from secondsite.datapath.disks import NetworkDisk, same_files
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.host import domain_xml, network_sizes, qemu_img
from secondsite.ground.units import MiB

pytestmark = pytest.mark.slow
TARGET = "iqn.2026-11.example:web01"


@pytest.fixture
def remote(host):
    with IscsiTarget(host.root / "target") as target:
        with host.viewed_by("filter", disk_format="raw", on_network=target):
            yield host
            host.clear()


def named(source, form="raw", more=""):
    return (
        f"<disk type='network' device='disk'><driver name='qemu' type='{form}'/>{source}{more}"
        "<target dev='vdx' bus='virtio'/></disk>"
    )


def iscsi(name=TARGET, host="127.0.0.1", port=3260, more=""):
    where = f"<host name='{host}' port='{port}'/>{more}"
    return f"<source protocol='iscsi' name='{name}'>{where}</source>"


def found(disk):
    [parsed] = domain_xml.disks(domain_xml.parse(firmware_xml("m", [], extra=disk)))
    return parsed


AUTH = "<auth username='me'><secret type='iscsi' usage='x'/></auth>"
OTHER = "of network disks only iSCSI and RBD"


def rbd(name="pool/x", more="", hosts="<host name='h' port='6789'/>"):
    return f"<source protocol='rbd' name='{name}'>{hosts}{more}</source>"


@pytest.mark.parametrize(
    ("disk", "why", "instead"),
    [
        (named("<source protocol='nbd' name='x'><host name='h'/></source>"), OTHER, "nbd-client"),
        (named("<source protocol='gluster' name='v/x'><host name='h'/></source>"), OTHER, "Mount it"),
        (named("<source protocol='https' name='x'><host name='h'/></source>"), OTHER, "Move it"),
        (named(iscsi(), more=AUTH), "password", "iscsiadm"),
        (named(iscsi(more=AUTH)), "password", "iscsiadm"),
        (named(rbd(more="<snapshot name='before'/>")), "<snapshot>", "rbd map"),
        (named(rbd(more="<auth username='me'/>")), "names no secret", "rbd map"),
        (named(rbd("x")), "neither POOL/IMAGE", "rbd map"),
        (named(rbd("pool/x@before")), "neither POOL/IMAGE", "rbd map"),
        (named(iscsi(more="<slices><slice type='storage' size='1'/></slices>")), "<slices>", "iscsiadm"),
        (named(iscsi(f"{TARGET}/first")), "TARGET/UNIT", "iscsiadm"),
        (named(iscsi().replace("port=", "transport='unix' socket='/x' port=")), "TCP", "iscsiadm"),
    ],
)
def test_what_cannot_be_replicated_is_refused_with_the_reason_and_what_works(host, disk, why, instead):
    parsed = found(disk)
    assert parsed.network.disk is None
    assert parsed.path == ""
    assert why in parsed.network.why
    assert instead in parsed.network.do


def test_a_network_disk_is_written_and_read_as_one_text():
    for disk in (
        NetworkDisk("iscsi", f"{TARGET}/1", ("10.0.0.1:3260",), user="iqn.2026-11.example:me"),
        NetworkDisk("iscsi", "iqn.odd name?&/0", ("[fd00::1]:3260",)),
        NetworkDisk("rbd", "pool/space/x", ("10.0.0.1:6789", "10.0.0.2"), user="me"),
        NetworkDisk("rbd", "pool/x", ()),
    ):
        assert NetworkDisk.parse(str(disk)) == disk
    assert NetworkDisk.parse("/images/iscsi://x") is None


def test_one_disk_behind_two_portals_is_one_disk():
    one, other = (found(named(iscsi(f"{TARGET}/0", each))).path for each in ("10.0.0.1", "10.0.0.2"))
    assert one != other
    assert same_files.identity(one) == same_files.identity(other)
    assert same_files.identity(one) != same_files.identity(found(named(iscsi(f"{TARGET}/1"))).path)


def test_an_image_is_one_disk_whichever_monitors_and_user_it_is_reached_by():
    several = "".join(f"<host name='{each}'/>" for each in ("10.0.0.2", "fd00::1"))
    mine = rbd(more="<auth username='me'><secret type='ceph' usage='x'/></auth>", hosts=several)
    one, other = found(named(rbd())), found(named(mine))
    assert other.path == "rbd://10.0.0.2,[fd00::1]/pool/x?user=me"
    assert same_files.identity(one.path) == same_files.identity(other.path)
    assert same_files.identity(one.path) != same_files.identity(found(named(rbd("pool/space/x"))).path)


def test_an_image_in_a_namespace_is_opened_there():
    options = found(named(rbd("pool/space/x"))).location.options()
    assert options == {"driver": "rbd", "pool": "pool", "namespace": "space", "image": "x"}


def test_its_target_is_told_the_name_that_the_guests_qemu_has():
    parsed = found(named(iscsi()))
    assert parsed.network.disk.options()["initiator-name"].startswith("iqn.2008-11.org.linux-kvm:")
    parsed = found(named(iscsi(more="<initiator><iqn name='iqn.me'/></initiator>")))
    assert parsed.network.disk.options()["initiator-name"] == "iqn.me"


def test_a_network_disk_is_taken_as_it_is_and_qcow2_inside_it_is_refused(remote):
    fabric_id = remote.make_machine("checked", [4 * MiB])
    assert remote.fabric.tracking.check(fabric_id) == []
    [disk] = remote.fabric.inventory.get(fabric_id).definition.disks
    assert disk.size_bytes == 4 * MiB
    assert disk.path.startswith("iscsi://127.0.0.1:")
    xml = remote.domain(fabric_id).XMLDesc()
    remote.define(xml.replace("type='raw'", "type='qcow2'"))
    assert "whose space may end" in remote.fabric.tracking.check(fabric_id)[0].what


def test_a_silent_portal_holds_nobody_up(host, monkeypatch):
    """It takes connections, and answers nothing."""
    monkeypatch.setattr(network_sizes, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        disks = "".join(
            named(iscsi(f"{TARGET}/{lun}", port=port)).replace("vdx", f"vd{letter}")
            for lun, letter in enumerate("bcdefghij")
        )
        fabric_id = host.define(firmware_xml("silent", [], extra=disks))
        began = time.monotonic()
        machine = host.fabric.inventory.get(fabric_id)
        assert {disk.size_bytes for disk in machine.definition.disks} == {0}
        assert time.monotonic() - began < 10, "one of its disks is asked, not nine"
    host.clear()


def test_a_portal_that_is_gone_is_said_and_cycles_go_on_when_it_is_back(remote):
    fabric_id = steps.protected(remote, "gone")
    base = steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)
    remote.target.stop()
    with pytest.raises(errors.FabricError, match="iscsi://"), steps.view(remote, fabric_id, base):
        pass
    assert "iscsi://" in remote.fabric.tracking.check(fabric_id)[0].what
    remote.target.start()
    with steps.view(remote, fabric_id, base) as session:
        assert session.disks[0].bitmaps == ()
        assert session.disks[0].while_comparing
        assert session.holds()


def test_a_start_while_it_is_read_at_rest_is_noticed(remote):
    fabric_id = steps.protected(remote, "started")
    base = steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)
    with steps.view(remote, fabric_id, base) as session:
        remote.fabric.power.start(fabric_id)
        assert not session.holds()
    steps.stopped(remote, fabric_id)
    with steps.view(remote, fabric_id, base) as session:
        remote.fabric.power.start(fabric_id)
        steps.stopped(remote, fabric_id)
        assert not session.holds()


def test_what_a_shutdown_writes_is_kept_and_counts_once(remote):
    fabric_id = steps.protected(remote, "kept")
    base = steps.checkpoint(remote, fabric_id)
    with remote.fabric.tracking.keeping(fabric_id):
        steps.write(remote, fabric_id, 2 * BLOCK_BYTES, 0x02)
        steps.stopped(remote, fabric_id)
    with steps.view(remote, fabric_id, base) as session:
        assert steps.dirty_blocks(session.disks[0]) == {2}
        assert steps.byte_at(session.disks[0], 2 * BLOCK_BYTES) == 0x02


def test_a_missing_driver_is_said_with_what_to_install(monkeypatch):
    monkeypatch.setattr(NetworkDisk, "options", lambda _disk: {"driver": "of-another-package"})
    with pytest.raises(errors.FabricError, match="iscsi://h:3260/x/1 failed") as problem:
        qemu_img.facts(NetworkDisk("iscsi", "x/1", ("h:3260",)))
    assert "qemu-block-extra" in problem.value.do
