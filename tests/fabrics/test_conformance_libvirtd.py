"""The conformance suite against a real libvirtd with its own user for QEMU, over a remote URI: the way of
a real site."""

import contextlib
import os
import stat
import struct
import subprocess
from pathlib import Path

import pytest

from rig import bridges
from secondsite.domain import errors
from secondsite.entry import main
from secondsite.fabrics import conformance
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import LocalSpan
from secondsite.fabrics.libvirt import open_fabric
from secondsite.fabrics.libvirt.host import permissions
from secondsite.fabrics.libvirt.tracking import left_files
from secondsite.fabrics.settling import NewPlace
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.longest]


@pytest.fixture(scope="module")
def daemon():
    with libvirtd.running(own_network=True) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def host(daemon):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(left_files, "SYSTEM_LOGS", daemon.seen("/var/log/libvirt/qemu"))
        with libvirtd.hosted(daemon) as host:  # the fabric notes the place of logs when it is made
            before = os.umask(main.PRIVATE)  # as in an appliance: QEMU reads only what libvirt gives it
            try:
                yield host
            finally:
                os.umask(before)


@pytest.mark.every(by="test")
class TestLibvirtd(conformance.Suite):
    """Whose machines name their disks as volumes of a storage pool."""

    @pytest.fixture
    def under_test(self, host):
        with host.as_volumes():
            yield host
            host.clear()

    def test_a_network_spans_hosts_is_served_there_and_goes_whole(self, under_test):
        """This daemon has a network namespace of its own, so it cannot; installed hosts show that it does."""
        span = LocalSpan(number=7, mtu=1450, own="127.0.0.1", peers=("127.0.0.2",), index=0)
        networks, before = under_test.fabric.networks, bridges.ip("-o", "link", "show", "type", "vxlan")
        with pytest.raises(errors.NotPossibleNow, match="is not in the network namespace of the appliance"):
            networks.create_isolated("ss-spans", steps.TAG, span)
        networks.remove("ss-spans", steps.TAG)
        assert bridges.ip("-o", "link", "show", "type", "vxlan") == before


def test_qemu_is_let_into_our_own_folders_and_nobody_else_is(host, tmp_path):
    inner = tmp_path / "own" / "store" / "disks"
    inner.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "own", tmp_path / "own" / "store"):
        folder.chmod(0o700)
    gate = permissions.FolderAccess(host.connection, [tmp_path / "own"])
    with pytest.raises(errors.FabricError, match=f"may not enter {tmp_path},"):
        gate.let_in(inner)
    tmp_path.chmod(0o711)
    gate.let_in(inner)
    assert gate.owner is not None
    store = (tmp_path / "own" / "store").stat()
    assert (stat.S_IMODE(store.st_mode), store.st_gid) == (0o710, gate.owner[1])
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o711
    (inner / "0.qcow2").touch()
    subprocess.run([*as_qemu(gate), "stat", inner / "0.qcow2"], check=True, timeout=10)
    for closed in (inner, inner.parent):
        assert subprocess.run([*as_qemu(gate), "ls", closed], capture_output=True, timeout=10).returncode != 0


def test_qemu_is_let_into_folders_that_came_later_and_no_more_once_they_have_gone(host, tmp_path):
    inner = tmp_path / "neighbour" / "replicas"
    inner.mkdir(parents=True)
    for folder, mode in ((tmp_path, 0o711), (tmp_path / "neighbour", 0o700), (inner, 0o700)):
        folder.chmod(mode)
    taken_over: list[Path] = []
    gate = permissions.FolderAccess(host.connection, [tmp_path / "own"])
    gate.further = lambda: taken_over
    with pytest.raises(errors.FabricError, match="may not enter"):
        gate.let_in(inner)
    taken_over.append(tmp_path / "neighbour")
    gate.let_in(inner)
    (inner / "0.qcow2").touch()
    subprocess.run([*as_qemu(gate), "stat", inner / "0.qcow2"], check=True, timeout=10)
    inner.chmod(0o700)
    taken_over.clear()
    with pytest.raises(errors.FabricError, match="may not enter"):
        gate.let_in(inner)


def as_qemu(gate):
    return ["setpriv", f"--reuid={gate.owner[0]}", f"--regid={gate.owner[1]}", "--init-groups"]


@pytest.mark.parametrize(
    ("mode", "entries", "passes"),
    [
        (0o700, (), False),
        (0o711, (), True),
        (0o700, ((0x02, 0o1, "user"),), True),
        (0o711, ((0x02, 0o0, "user"),), False),
        (0o700, ((0x08, 0o5, "group"),), True),
        (0o711, ((0x08, 0o0, "group"),), False),
        (0o700, ((0x02, 0o1, "nobody"),), False),
    ],
)
def test_what_keeps_qemu_out_is_told_as_the_kernel_decides_it(host, tmp_path, mode, entries, passes):
    """Access lists too: virt-manager gives one to a folder in somebody's home."""
    tmp_path.chmod(0o711)
    folder = tmp_path / "owners"
    folder.mkdir()
    (folder / "disk.qcow2").touch()
    folder.chmod(mode)
    gate = permissions.FolderAccess(host.connection, [])
    assert gate.owner is not None
    if entries:
        ids = {"user": gate.owner[0], "group": gate.owner[1], "nobody": 65534}
        os.setxattr(
            folder, permissions.ACL, access_list(mode, [(kind, may, ids[who]) for kind, may, who in entries])
        )
    seen = subprocess.run(
        [*as_qemu(gate), "stat", folder / "disk.qcow2"], capture_output=True, timeout=10, check=False
    )
    assert (seen.returncode == 0) == passes
    assert bool(gate.kept_out([folder])) != passes
    if not passes:
        with pytest.raises(errors.FabricError, match=f"may not enter {folder},"):
            gate.let_in(folder)


def access_list(mode, named):
    """As the kernel keeps it (linux/posix_acl_xattr.h): the owner, who is named, the group, the mask, all
    others."""
    nobody = 0xFFFFFFFF
    entries = [
        (0x01, mode >> 6 & 7, nobody),
        (0x04, mode >> 3 & 7, nobody),
        (0x10, 7, nobody),
        (0x20, mode & 7, nobody),
    ]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in sorted([*entries, *named]))


def test_a_folder_that_keeps_qemu_out_is_told_before_anything_is_to_start(host, tmp_path):
    """Of a store, which nobody opens until the day of need, and of a kernel that the machine boots."""
    definition = steps.machine_of(host, host.make_machine("closed", [steps.DISK_BYTES])).definition
    for place in ("store", "boot"):
        (tmp_path / place).mkdir()
        (tmp_path / place).chmod(0o755)
        (tmp_path / place / "kernel").touch()
    tmp_path.chmod(0o700)
    native = definition.native.replace("</os>", f"<kernel>{tmp_path}/boot/kernel</kernel></os>")
    asked = definition.model_copy(update={"native": native})
    with contextlib.closing(
        open_fabric(host.uri, host.work_dir, [tmp_path / "store"], boot_folders=[tmp_path / "boot"])
    ) as fabric:
        told = [one.what for one in fabric.hosting.check(asked) if one.blocking]
        assert [f"may not enter {tmp_path}, so" in what for what in told] == [True, True], told
        tmp_path.chmod(0o711)
        assert [
            one.what for one in fabric.hosting.check(asked) if one.blocking and "may not enter" in one.what
        ] == []
    host.clear()


def test_a_qemu_that_was_broken_out_of_steers_no_file_that_the_appliance_writes(host, tmp_path):
    fabric_id = steps.protected(host, "planted")
    with steps.view(host, fabric_id, None) as session:
        sockets = session.disks[0].socket.parent
    steps.stopped(host, fabric_id)
    ours = tmp_path / "ours"
    ours.write_text("of root")
    place = sockets / fabric_id
    links = f"ln -s {ours} storage-daemon.log && ln -s {ours} storage-daemon.pid"
    uid, gid = sockets.stat().st_uid, sockets.stat().st_gid
    assert uid != 0
    user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    subprocess.run([*user, "sh", "-c", f"mkdir {place} && cd {place} && {links}"], timeout=10, check=True)
    with steps.view(host, fabric_id, None) as session:
        assert ours.read_text() == "of root"
        folder = session.disks[0].socket.parent.stat()
        assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (0, 0o700)


@pytest.mark.parametrize("form", ["qcow2", "raw"])
def test_a_disk_settles_as_a_volume_of_a_storage_pool(host, form):
    with host.as_volumes():
        fabric_id = steps.protected(host, "settles-in-a-pool")
        steps.write(host, fabric_id, 0, 0x41)
        base = steps.checkpoint(host, fabric_id)
        steps.write(host, fabric_id, 1 << 20, 0x42)
        places = {"vda": NewPlace("images", form)}
        found = host.fabric.settling.settle(fabric_id, places, lambda *_: None)
        assert found["vda"].parent == host.images
        assert found["vda"].name in host.pool.listVolumes()
        with steps.view(host, fabric_id, base) as session:
            assert steps.dirty_blocks(session.disks[0]) == {16}
        host.pool.destroy()
        with steps.refused(errors.NotFound):  # a pool that libvirt keeps no definition of is gone then
            host.fabric.settling.check(fabric_id, places)
        host.clear()
        host.pool = host.connection.handle.storagePoolCreateXML(
            f"<pool type='dir'><name>images</name><target><path>{host.images}</path></target></pool>"
        )
