"""libvirt gives disks to QEMU's user, and remembers in extended attributes of theirs whose they were and how
many machines have them: a count that does not return to nothing would leave them QEMU's for ever."""

import os
import uuid
from dataclasses import replace

import pytest

from rig.eventually import eventually
from secondsite.fabrics.conformance import hosting, steps
from tests.support import libvirtd

pytestmark = [pytest.mark.slow]

OWNER = (1234, 1235)
REMEMBERED = "trusted.libvirt.security."


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True) as daemon, libvirtd.hosted(daemon, "/var/tmp") as host:
        yield host


def owner(path):
    found = path.stat()
    return found.st_uid, found.st_gid


def counted(host):
    """Files of which libvirt believes that a machine has them."""
    return [
        path
        for path in host.root.rglob("*")
        if path.is_file() and any(name.startswith(REMEMBERED) for name in os.listxattr(path))
    ]


@pytest.mark.parametrize("kind", ["backup-job", "filter"])
def test_a_protected_machines_disk_is_its_owners_again_once_it_is_off(host, kind):
    with host.viewed_by(kind):
        fabric_id = host.make_machine("owned", [steps.DISK_BYTES])
        disk = host.disk_path(fabric_id, "vda")
        os.chown(disk, *OWNER)
        host.fabric.power.start(fabric_id)
        host.fabric.tracking.enable(fabric_id, steps.TAG)
        base = steps.checkpoint(host, fabric_id)
        assert disk in counted(host), "libvirt remembers nothing here"
        steps.stopped(host, fabric_id)
        assert (owner(disk), counted(host)) == (OWNER, [])
        steps.checkpoint(host, fabric_id, base)  # at rest
        assert (owner(disk), counted(host)) == (OWNER, [])
        host.clear()


@pytest.mark.parametrize("killed", [False, True], ids=["removed", "killed"])
def test_copies_that_share_what_is_below_them_leave_nothing_counted(host, killed):
    first = hosting.guest_on_overlays(host, "first")
    definition = first.definition
    second = replace(
        first, fabric_id=str(uuid.uuid4()), name=f"second-{uuid.uuid4().hex[:8]}",
        disks=hosting.overlays(host, definition),
    )  # fmt: skip
    for request in (first, second):
        host.fabric.hosting.create(request)
        host.fabric.power.start(request.fabric_id)
    tops = [*first.disks.values(), *second.disks.values()]
    assert set(counted(host)) == set(tops), "below its own file a copy is not counted"
    for request in (first, second):
        if killed:
            host.kill(request.fabric_id)
        host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    eventually(lambda: counted(host) == [])
    assert {owner(path) for path in tops} == {(os.getuid(), os.getgid())}
    host.clear()
