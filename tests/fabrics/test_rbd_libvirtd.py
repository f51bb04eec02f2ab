"""Disks on a Ceph cluster whose user has a key, which only a libvirtd has."""

import shutil
import tempfile
from pathlib import Path

import pytest

from rig.hosts import LibvirtHost
from secondsite.fabrics.conformance import steps
from tests.support import ceph, libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.every]


@pytest.fixture(scope="module")
def daemon():
    with libvirtd.running() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with ceph.cluster_in(tmp_path_factory.mktemp("ceph")) as cluster:
        cluster.user = ceph.USER, ceph.SECRET
        yield cluster


@pytest.fixture
def host(daemon, cluster):
    root = Path(tempfile.mkdtemp(prefix="ss-rbd-"))
    root.chmod(0o755)  # QEMU runs as another user
    host = LibvirtHost(root, daemon.uri)
    host.pid_files = daemon.seen("/run/libvirt/qemu")
    try:
        with host.viewed_by("filter", disk_format="raw", on_network=cluster):
            yield host
    finally:
        host.end()
        shutil.rmtree(root, ignore_errors=True)


def tellers(folder):
    """What everybody on the host can see, and what we keep."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield command.read_bytes()
        except OSError:
            continue
    yield from (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_machine_is_viewed_running_and_at_rest_and_the_key_is_nowhere_to_be_seen(host, cluster, caplog):
    key = ceph.define_secret(host.connection.handle, cluster, "no")
    fabric_id = steps.protected(host, "keyed")
    assert host.fabric.tracking.check(fabric_id) == []
    steps.write(host, fabric_id, 0, 0x07)
    base = steps.checkpoint(host, fabric_id)
    steps.stopped(host, fabric_id)
    assert host.fabric.inventory.get(fabric_id).definition.disks[0].size_bytes == steps.DISK_BYTES
    with steps.view(host, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], 0) == 0x07
        assert not any(key.encode() in each for each in tellers(host.root))
    assert key not in caplog.text
    assert key not in host.fabric.inventory.get(fabric_id).definition.model_dump_json()


def test_a_new_key_is_taken_by_the_next_view(host, cluster):
    ceph.define_secret(host.connection.handle, cluster, "no")
    fabric_id = steps.protected(host, "changed")
    steps.stopped(host, fabric_id)
    steps.checkpoint(host, fabric_id)
    cluster.ceph("auth", "rm", f"client.{ceph.USER}")
    assert "rbd://" in host.fabric.tracking.check(fabric_id)[0].what
    ceph.define_secret(host.connection.handle, cluster, "no")
    steps.checkpoint(host, fabric_id)


def test_a_private_secret_is_said_with_what_to_do(host, cluster):
    handle = host.connection.handle
    handle.secretLookupByUUIDString(ceph.SECRET).undefine()
    ceph.define_secret(host.connection.handle, cluster, "yes")
    fabric_id = steps.protected(host, "private")
    [obstacle] = host.fabric.tracking.check(fabric_id)
    assert ceph.SECRET in obstacle.what
    assert "private='no'" in obstacle.do
    handle.secretLookupByUUIDString(ceph.SECRET).undefine()
    [obstacle] = host.fabric.tracking.check(fabric_id)
    assert ceph.SECRET in obstacle.what
    ceph.define_secret(host.connection.handle, cluster, "no")
    assert host.fabric.tracking.check(fabric_id) == []
