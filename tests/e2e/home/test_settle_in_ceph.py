"""A real guest moves, while it writes, from the store into a storage pool of libvirt's on a real Ceph
cluster.
Its appliance is killed at every seam of that, and at the end no record is lost: neither there nor at home."""

import tempfile
from pathlib import Path

import libvirt
import pytest

import guestkit
from rig import GuestMachine, Rig
from rig.ceph_cluster import CephCluster
from rig.eventually import eventually
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.e2e.home import support_settling
from tests.support import ceph, command_line, libvirtd, policies

pytestmark = [
    pytest.mark.every,
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.longest,
    pytest.mark.timeout(400),
]
DISK_BYTES, FILLED_BYTES = 96 * MiB, 48 * MiB


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    ceph.require_programs()
    with CephCluster(tmp_path_factory.mktemp("ceph")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def daemons():
    with libvirtd.running() as a, libvirtd.running() as b:
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def pool(daemons, cluster):
    handle = libvirt.open(daemons["b"].uri)
    with ceph.pool_of(handle, cluster) as pool:
        yield pool.name()
    handle.close()


@pytest.fixture(scope="module")
def rig(daemons):
    """web01 runs at b for good, and is protected back."""
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    folder.chmod(0o755)
    rig = Rig("libvirt", folder, uri="qemu:///system")
    for site, daemon in daemons.items():
        rig.appliances[site].inside = daemon.inside()
        e2e.command_through(rig, site)

    def furnish(site):
        if site == "a":
            rig.guests["web01"] = GuestMachine.make(
                "web01", rig.folder / "images", rig.bridge("a"), uri=daemons["a"].uri,
                disk_bytes=(DISK_BYTES,), filled_bytes=FILLED_BYTES,
                workload=guestkit.Workload(records_per_second=6, load_kib_per_second=32),
            )  # fmt: skip

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests["web01"].console, 3, within_seconds=120)
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *places)
        command_line.do(rig, "failover", "web01", "--shut-down")
        e2e.booted(rig.console("b", "web01"), 1)
        command_line.do(rig, "commit", "web01")
        command_line.do(rig, "reprotect", "web01")
        rig.new_points("web01")
        yield rig


def images(cluster):
    return cluster.rbd("ls", "rbd").split()


def test_killed_at_every_seam_it_goes_on_into_one_image_and_its_next_cycle_sends_changes_only(
    rig, cluster, pool
):
    before = rig.machine("web01").replication.total_wire_bytes
    words = ("--to", pool, "--format", "raw", "--limit", "16MB/s")
    support_settling.settled_with_a_death_at_each_seam(rig, "web01", *words)
    [image] = images(cluster)
    for paths in e2e.ask(rig, "b", "stands_on", name="web01"):
        [path] = paths
        assert f"/rbd/{image}?" in path
    assert not rig.replica_folder("b", rig.machine("web01").id).exists()
    rig.new_points("web01", 2)
    replication = rig.machine("web01").replication
    sent = replication.total_wire_bytes - before
    print(f"settled in {image}; {sent} bytes sent since, {replication.last_cycle.changed_bytes} in a cycle")
    assert replication.synchronization is None
    assert sent < 8 * MiB
    eventually(lambda: rig.codes("web01") == {}, 60)


def test_it_comes_home_without_the_loss_of_a_record(rig):
    there, home = rig.console("b", "web01"), rig.guests["web01"].console
    boots = len(home.boots)
    command_line.do(rig, "planned-failover", "web01")
    assert e2e.booted(home, boots + 1).verified_last == there.boots[-1].bye
