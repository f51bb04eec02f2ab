"""A real guest moves, while its database commits, from the store into a storage pool of libvirt's on a real
Ceph cluster. Vault and appliance are killed at every seam of that, and at the end no record and no row is
lost: neither there, after a power cut too, nor at home."""

import tempfile
from pathlib import Path

import libvirt
import pytest

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
    ceph.require_programs()  # a daemon that runs already looks for no kinds of pools any more
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
    """db01 runs at b for good, and is protected back."""
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    folder.chmod(0o755)
    rig = Rig("libvirt", folder, forked=True, uri="qemu:///system")
    for site, daemon in daemons.items():
        rig.appliances[site].inside = daemon.inside()
        e2e.command_through(rig, site)

    def furnish(site):
        if site == "a":
            rig.guests["db01"] = GuestMachine.make(
                "db01", rig.folder / "images", rig.bridge("a"), uri=daemons["a"].uri,
                disk_bytes=(DISK_BYTES,), filled_bytes=FILLED_BYTES,
                **support_settling.COMMITTING,
            )  # fmt: skip

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests["db01"].console, 3, within_seconds=120)
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "db01", *places)
        command_line.do(rig, "failover", "db01", "--shut-down")
        e2e.booted(rig.console("b", "db01"), 1)
        command_line.do(rig, "commit", "db01")
        command_line.do(rig, "reprotect", "db01")
        rig.new_points("db01")
        yield rig


def images(cluster):
    return cluster.rbd("ls", "rbd").split()


def test_killed_at_every_seam_it_goes_on_into_one_image_and_its_next_cycle_sends_changes_only(
    rig, cluster, pool
):
    before = rig.machine("db01").replication.total_wire_bytes
    words = ("--to", pool, "--format", "raw", "--limit", "16MB/s")
    support_settling.settled_with_a_death_at_each_seam(rig, "db01", *words)
    [image] = images(cluster)
    for paths in e2e.ask(rig, "b", "stands_on", name="db01"):
        [path] = paths
        assert f"/rbd/{image}?" in path
    assert not rig.replica_folder("b", rig.machine("db01").id).exists()
    rig.new_points("db01", 2)
    replication = rig.machine("db01").replication
    sent = replication.total_wire_bytes - before
    print(f"settled in {image}; {sent} bytes sent since, {replication.last_cycle.changed_bytes} in a cycle")
    assert replication.synchronization is None
    assert sent < 8 * MiB
    eventually(lambda: rig.codes("db01") == {}, 60)


def test_a_power_cut_there_costs_no_row_that_was_acknowledged(rig, cluster):
    [image] = images(cluster)
    before = rig.machine("db01").replication.total_wire_bytes
    disk = f"rbd:rbd/{image}:conf={cluster.conf}"
    acknowledged, there = support_settling.rows_after_a_power_cut(rig, "db01", disk)
    print(f"{acknowledged} rows acknowledged, {there} there")
    assert acknowledged <= there <= acknowledged + 1
    rig.new_points("db01", 2, within_seconds=90)
    assert rig.machine("db01").replication.total_wire_bytes - before < 8 * MiB


def test_it_comes_home_without_the_loss_of_a_record_or_a_row(rig):
    there, home = rig.console("b", "db01"), rig.guests["db01"].console
    boots = len(home.boots)
    command_line.do(rig, "planned-failover", "db01")
    boot = e2e.booted(home, boots + 1)
    assert boot.verified_last == there.boots[-1].bye
    assert boot.verified_rows == there.last_row
