"""libvirt gives disks to QEMU's user, and remembers in extended attributes of theirs whose they were and how
many machines have them: a count that does not return to nothing would leave them QEMU's for ever. What is
below a disk it gives, too, and remembers nothing."""

import os
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks import image, same_files
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


def copies(host):
    """Two that run, each on a chain of its own above one disk."""
    first = hosting.guest_on_overlays(host, "first")
    second = replace(
        first, fabric_id=str(uuid.uuid4()), name=f"second-{uuid.uuid4().hex[:8]}",
        disks=hosting.overlays(host, first.definition),
    )  # fmt: skip
    for request in (first, second):
        host.fabric.hosting.create(request)
        host.fabric.power.start(request.fabric_id)
    return first, second


def below(request):
    """The files below a copy's only disk."""
    return same_files.below(request.disks["vda"])


@pytest.mark.parametrize("killed", [False, True], ids=["removed", "killed"])
def test_copies_that_share_what_is_below_them_leave_nothing_counted(host, killed):
    first, second = copies(host)
    tops = [*first.disks.values(), *second.disks.values()]
    assert set(counted(host)) == set(tops), "below its own file a copy is not counted"
    for request in (first, second):
        if killed:
            host.kill(request.fabric_id)
        host.fabric.hosting.remove(request.fabric_id, steps.TAG)
    eventually(lambda: counted(host) == [])
    assert {owner(path) for path in tops} == {(os.getuid(), os.getgid())}
    host.clear()


def test_what_is_below_a_copy_is_ours_again_once_no_copy_stands_on_it(host):
    first, second = copies(host)
    (own, shared), (others, again) = below(first), below(second)
    assert shared == again
    before = {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in (own, shared, others)}
    ours, qemus = (os.getuid(), os.getgid()), owner(own)
    assert {owner(path) for path in (own, shared, others)} == {qemus} != {ours}
    own.chmod(0o666)  # as a QEMU that was broken out of can
    host.fabric.hosting.remove(first.fabric_id, steps.TAG)
    assert [owner(path) for path in (own, shared, others)] == [ours, qemus, qemus]
    host.fabric.power.stop(second.fabric_id)
    host.fabric.power.start(second.fabric_id)
    with steps.view(host, second.fabric_id, None) as session:
        assert steps.byte_at(session.disks[0], 0) == 0x41
    host.fabric.hosting.remove(second.fabric_id, steps.TAG)
    assert [owner(path) for path in (own, shared, others)] == [ours, ours, ours]
    assert {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in before} == before
    host.clear()


def test_a_copy_that_is_off_keeps_what_it_stands_on_as_it_is(host):
    first, second = copies(host)
    steps.stopped(host, second.fabric_id)
    _, shared = below(first)
    before = shared.stat()
    host.fabric.hosting.remove(first.fabric_id, steps.TAG)
    assert (shared.stat().st_uid, shared.stat().st_ctime_ns) == (before.st_uid, before.st_ctime_ns)
    host.fabric.hosting.remove(second.fabric_id, steps.TAG)
    assert owner(shared) == (os.getuid(), os.getgid())
    host.clear()


def test_what_is_not_in_our_folders_is_left_alone_though_a_layer_names_it(host):
    with tempfile.TemporaryDirectory(prefix="ss-old-", dir="/var/tmp") as folder:
        old, link = Path(folder) / "old.qcow2", host.images / "link.qcow2"
        Path(folder).chmod(0o755)
        link.symlink_to(old)
        plain = hosting.guest_on_overlays(host, "home")
        size_bytes = plain.definition.disks[0].size_bytes
        image.create(old, size_bytes)
        middle, top = (host.images / f"{name}-{uuid.uuid4().hex[:8]}.qcow2" for name in ("middle", "top"))
        image.create_overlay(middle, link, "qcow2", size_bytes, relative=False)
        image.create_overlay(top, middle, "qcow2", size_bytes)
        request = replace(plain, disks={"vda": top})
        host.fabric.hosting.create(request)
        host.fabric.power.start(request.fabric_id)
        given = owner(old)
        host.fabric.hosting.remove(request.fabric_id, steps.TAG)
        assert (owner(middle), owner(old)) == ((os.getuid(), os.getgid()), given)
        assert given != owner(middle)
    host.clear()
