"""Disks on a real Ceph cluster, and one of which a part answers nothing any more."""

import contextlib
import threading
import time

import nbd
import pytest

from rig.images import qemu_img
from secondsite.datapath.extents import BLOCK_BYTES
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.host import network_access
from secondsite.ground.units import MiB
from tests.support import ceph

pytestmark = [pytest.mark.slow, pytest.mark.every]
PATIENCE = 3
ENDS_WITHIN = PATIENCE + 12
"""With what the machine beside takes, and QEMU's own end."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with ceph.cluster_in(tmp_path_factory.mktemp("ceph")) as cluster:
        yield cluster


@pytest.fixture
def remote(host, cluster, monkeypatch):
    monkeypatch.setattr(network_access, "ANSWER_SECONDS", PATIENCE)
    with host.viewed_by("filter", disk_format="raw", on_network=cluster):
        yield host
        for program in ("ceph-mon", "ceph-osd"):
            cluster.go_on(program)
        host.clear()


def refused_within(seconds, view, then):
    """Whether the view is refused in time, in words that name the disk."""
    began = time.monotonic()
    with pytest.raises((errors.FabricError, nbd.Error), match=r"rbd://|pread") as problem:
        with view as session:
            then(session)
    assert time.monotonic() - began < seconds
    return str(problem.value)


def test_a_silent_monitor_holds_up_a_machine_that_is_off_no_longer_than_it_may(remote, cluster):
    fabric_id = steps.protected(remote, "silent")
    base = steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)
    cluster.silence("ceph-mon")
    said = refused_within(ENDS_WITHIN, steps.view(remote, fabric_id, base), lambda _session: None)
    assert "rbd://" in said
    began = time.monotonic()
    [obstacle] = remote.fabric.tracking.check(fabric_id)
    assert "cannot be read" in obstacle.what
    assert time.monotonic() - began < ENDS_WITHIN
    cluster.go_on("ceph-mon")
    with steps.view(remote, fabric_id, base) as session:
        assert session.disks[0].while_comparing
        assert session.holds()


def test_a_silent_osd_ends_a_read_at_rest_and_the_next_view_goes_on(remote, cluster):
    fabric_id = steps.protected(remote, "amid")
    steps.write(remote, fabric_id, 3 * MiB, 0x03)
    base = steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)

    def read(session):
        assert steps.byte_at(session.disks[0], 3 * MiB) == 0x03
        cluster.silence("ceph-osd")
        steps.byte_at(session.disks[0], 2 * MiB)

    refused_within(2 * ENDS_WITHIN, steps.view(remote, fabric_id, base), read)
    cluster.go_on("ceph-osd")
    with steps.view(remote, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], 3 * MiB) == 0x03


def test_the_machine_beside_is_viewed_while_the_cluster_is_silent(remote, cluster, host):
    far = steps.protected(remote, "far")
    base = steps.checkpoint(remote, far)
    steps.stopped(remote, far)
    remote.target = None  # the next disk is a file
    near = steps.protected(remote, "near")
    steps.stopped(remote, near)
    with steps.view(remote, far, base) as held:
        cluster.silence("ceph-mon")
        cluster.silence("ceph-osd")
        began = time.monotonic()
        with steps.view(remote, near, None) as session:
            assert steps.byte_at(session.disks[0], 0) == 0
        assert {each.name.partition("-")[0] for each in remote.fabric.inventory.list()} == {"far", "near"}
        assert time.monotonic() - began < 2 * ENDS_WITHIN
        assert held.disks


def test_its_image_grows_while_it_is_off_and_is_seen_with_its_new_size(remote, cluster):
    fabric_id = steps.protected(remote, "grown")
    base = steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)
    qemu_img("resize", "-q", "-f", "raw", cluster.image(cluster.files[-1]), "8M")
    with steps.view(remote, fabric_id, base) as session:
        assert session.disks[0].size_bytes == 8 * MiB


def test_an_older_copy_that_is_put_back_while_it_is_off_is_compared(remote, cluster):
    """What is seen is what is there; of a running comparison's bitmaps nothing is said here."""
    fabric_id = steps.protected(remote, "put-back")
    steps.write(remote, fabric_id, 3 * BLOCK_BYTES, 0x03)
    steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)
    copy = remote.scratch_dir.with_name("copy.raw")
    file = cluster.files[-1]
    qemu_img("convert", "-O", "raw", cluster.image(file), copy)
    remote.fabric.power.start(fabric_id)
    steps.write(remote, fabric_id, 3 * BLOCK_BYTES, 0x33)
    base = steps.checkpoint(remote, fabric_id)
    steps.stopped(remote, fabric_id)
    qemu_img("convert", "-n", "-f", "raw", "-O", "raw", copy, cluster.image(file))
    with steps.view(remote, fabric_id, base) as session:
        assert session.disks[0].bitmaps == ()
        assert steps.byte_at(session.disks[0], 3 * BLOCK_BYTES) == 0x03


def test_what_a_shutdown_writes_is_kept_and_counts_once(remote):
    fabric_id = steps.protected(remote, "kept")
    base = steps.checkpoint(remote, fabric_id)
    with remote.fabric.tracking.keeping(fabric_id):
        steps.write(remote, fabric_id, 2 * BLOCK_BYTES, 0x02)
        steps.stopped(remote, fabric_id)
    with steps.view(remote, fabric_id, base) as session:
        assert steps.dirty_blocks(session.disks[0]) == {2}
        assert steps.byte_at(session.disks[0], 2 * BLOCK_BYTES) == 0x02


def test_a_machine_that_runs_is_let_go_while_its_cluster_is_silent_and_followed_again(remote, cluster):
    """QEMU itself has no deadline for a read, and none is forced on the guest's."""
    fabric_id = steps.protected(remote, "runs")
    base = steps.checkpoint(remote, fabric_id)
    began = time.monotonic()
    with contextlib.suppress(errors.SecondsiteError), steps.view(remote, fabric_id, base) as session:
        cluster.silence("ceph-osd")
        reader = threading.Thread(target=reads_unless_cut_off, args=(session.disks[0],), daemon=True)
        reader.start()
        reader.join(1)
        assert reader.is_alive(), "nothing answers"
    assert remote.fabric.inventory.get(fabric_id).power.is_on
    assert time.monotonic() - began < 150
    cluster.go_on("ceph-osd")
    reader.join(60)
    remote.fabric.tracking.end_left_over(fabric_id)
    steps.write(remote, fabric_id, 5 * BLOCK_BYTES, 0x05)
    with steps.view(remote, fabric_id, base) as session:
        assert steps.byte_at(session.disks[0], 5 * BLOCK_BYTES) == 0x05


def reads_unless_cut_off(disk):
    with contextlib.suppress(nbd.Error):
        steps.byte_at(disk, 0)
