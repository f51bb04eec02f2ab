"""The conformance suite against a real libvirtd with its own user for QEMU, over a remote URI: the way of a real site."""

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from rig.hosts import LibvirtHost
from secondsite.domain import errors
from secondsite.entry import main
from secondsite.fabrics import conformance
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.host import permissions
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.longest]


@pytest.fixture(scope="module")
def daemon():
    with libvirtd.running(own_network=True) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def host(daemon):
    root = Path(tempfile.mkdtemp(prefix="ss-lvd-"))
    root.chmod(0o755)  # QEMU runs as another user
    host = LibvirtHost(root, daemon.uri)
    host.pid_files = daemon.seen("/run/libvirt/qemu")
    before = os.umask(main.PRIVATE)  # as in an appliance: QEMU reads only what libvirt gives it
    try:
        yield host
    finally:
        os.umask(before)
        host.end()
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.every(by="test")
class TestLibvirtd(conformance.Suite):
    @pytest.fixture
    def under_test(self, host):
        yield host
        host.clear()


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
    as_qemu = ["setpriv", f"--reuid={gate.owner[0]}", f"--regid={gate.owner[1]}", "--clear-groups"]
    (inner / "0.qcow2").touch()
    subprocess.run([*as_qemu, "stat", inner / "0.qcow2"], check=True, timeout=10)
    for closed in (inner, inner.parent):
        assert subprocess.run([*as_qemu, "ls", closed], capture_output=True, timeout=10).returncode != 0


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
    as_qemu = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    subprocess.run([*as_qemu, "sh", "-c", f"mkdir {place} && cd {place} && {links}"], timeout=10, check=True)
    with steps.view(host, fabric_id, None) as session:
        assert ours.read_text() == "of root"
        folder = session.disks[0].socket.parent.stat()
        assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (0, 0o700)
