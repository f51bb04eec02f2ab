"""As many disks as libvirt takes: QEMU's server of a view lets a hundred connections in, and stands still
with a waiting one."""

import secrets
import uuid
from xml.etree import ElementTree

import pytest

from rig.hosts.domains import firmware_xml
from secondsite.appliance.source import leftover_views
from secondsite.datapath.disks import NbdDisk
from secondsite.datapath.errors import DiskSilent
from secondsite.datapath.extents import Extent
from secondsite.domain import errors
from secondsite.fabrics.interface import SessionRequest
from secondsite.fabrics.libvirt.tracking import backup_job, trackable
from secondsite.ground.units import KiB, MiB

pytestmark = pytest.mark.slow

TAG = "11111111-2222-4333-8444-555555555557"
MANY = 60
SIZE = 4 * MiB


@pytest.fixture(scope="module")
def host(embedded):
    yield embedded
    embedded.clear()


@pytest.fixture(scope="module")
def crowd(host):
    """A running machine of that many disks on a SCSI controller, marked as ours; its id and the keys of
    its disks."""
    name = f"crowd-{uuid.uuid4().hex[:8]}"
    paths = [host.make_image(f"{name}-{number}", SIZE) for number in range(MANY)]
    keys = [f"sd{letter(number)}" for number in range(MANY)]
    xml = firmware_xml(name, paths[:1]).replace(
        "<memballoon", "<controller type='scsi' index='0' model='virtio-scsi'/><memballoon"
    )
    first = xml[xml.index("<disk ") : xml.index("</disk>") + len("</disk>")]
    disks = "".join(
        first.replace(str(paths[0]), str(path)).replace("dev='vda' bus='virtio'", f"dev='{key}' bus='scsi'")
        for path, key in zip(paths, keys, strict=True)
    )
    fabric_id = host.define(xml.replace(first, disks))
    host.fabric.tracking.enable(fabric_id, TAG)
    host.fabric.power.start(fabric_id)
    return fabric_id, keys


def letter(number):
    """As libvirt names disks: a to z, aa and so on."""
    return chr(97 + number) if number < 26 else letter(number // 26 - 1) + letter(number % 26)


def request(host, fabric_id, keys, base=None):
    name = f"secondsite-1-{secrets.token_hex(4)}"
    return SessionRequest(fabric_id, tuple(keys), base, name, host.scratch_dir)


def last_disk(host, fabric_id):
    return ElementTree.fromstring(host.domain(fabric_id).XMLDesc()).findall("devices/disk")[-1]


def answers(host, fabric_id):
    """Whether its QEMU's main thread still does what it is asked."""
    return host.qmp(fabric_id, "query-status")["return"]["running"]


def test_sixty_disks_are_read_in_full_and_by_their_changes(host, crowd):
    fabric_id, keys = crowd
    assert host.fabric.tracking.check(fabric_id) == []
    first = request(host, fabric_id, keys)
    with host.fabric.tracking.open(first) as session, leftover_views.read(session) as disks:
        assert len(disks) == MANY
        assert all(disk.allocation(0, SIZE) == [Extent(0, SIZE, zero=True)] for disk in disks)
        assert all(disk.dirty() == [Extent(0, SIZE)] for disk in disks)
    alias = last_disk(host, fabric_id).find("alias").get("name")
    assert "failed" not in host.human(
        fabric_id, f'qemu-io -d /machine/peripheral/{alias} "write -P 0x5a 1M 64k"'
    )
    with host.fabric.tracking.open(request(host, fabric_id, keys, first.new_checkpoint)) as session:
        with leftover_views.read(session) as disks:
            changed = [disk.changed() for disk in disks if isinstance(disk, NbdDisk)]
            assert disks[-1].pread(64 * KiB, MiB) == b"\x5a" * 64 * KiB
    assert changed == [[]] * (MANY - 1) + [[Extent(MiB, 64 * KiB)]]
    assert answers(host, fabric_id)


def test_a_connection_that_is_not_taken_holds_up_neither_the_end_of_the_view_nor_the_guest(
    host, crowd, monkeypatch
):
    """Whoever asks for too many anyway: the error comes while all others are open, and the view ends
    before they do."""
    fabric_id, keys = crowd
    with monkeypatch.context() as patched:
        patched.setattr(leftover_views, "CONNECTIONS", 1)
        with pytest.raises(DiskSilent), host.fabric.tracking.open(request(host, fabric_id, keys)) as session:
            with leftover_views.read(session) as disks:
                for disk in disks:
                    assert isinstance(disk, NbdDisk)
                    disk._connect_seconds = 1  # noqa: SLF001
                    disk.allocation(0, SIZE)
    assert answers(host, fabric_id)
    with (
        host.fabric.tracking.open(request(host, fabric_id, keys)) as session,
        leftover_views.read(session) as disks,
    ):
        assert len(disks) == MANY


def test_more_disks_than_can_be_read_are_refused_before_anything_is_opened(host, crowd, monkeypatch):
    monkeypatch.setattr(backup_job, "MOST_CONNECTIONS", MANY - 1)
    fabric_id, keys = crowd
    (obstacle,) = trackable.obstacles(host.domain(fabric_id), unkept=False)
    assert obstacle.blocking
    assert obstacle.disk == keys[-1]
    with pytest.raises(errors.FabricError, match=f"{MANY} disks"):
        with host.fabric.tracking.open(request(host, fabric_id, keys)):
            pass
    with host.fabric.tracking.open(request(host, fabric_id, keys[:-1])):
        assert answers(host, fabric_id)
