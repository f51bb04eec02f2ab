"""Nothing starts on a layer that somebody has put on another file: the store may have been in other hands."""

import shutil
import subprocess

import pytest

from secondsite.datapath import errors
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MiB
from tests.datapath.support_chain import Source

pytestmark = pytest.mark.slow


@pytest.fixture
def replica(tmp_path, daemon):
    source = Source(sizes={"sda": 4 * MiB})
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}"))
    return replica


def layer(replica, point_id):
    return replica.files.layer("sda", replica.state.layer_of(point_id).number)


def qemu_img(replica, *words):
    """While nobody has its files open."""
    replica.close()
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True, timeout=30)


def refused(replica, point_id):
    with pytest.raises(errors.ImageProblem, match="somebody has changed it") as refusal:
        replica.open_run("drill", point_id, writable=True)
    assert replica.state.run("drill") is None
    return str(refusal.value)


def test_a_layer_that_names_another_file_starts_nothing_and_earlier_points_do(replica, tmp_path):
    (tmp_path / "secrets").write_bytes(bytes(4 * MiB))
    qemu_img(replica, "rebase", "-u", "-F", "raw", "-b", tmp_path / "secrets", layer(replica, "p2"))
    assert str(tmp_path / "secrets") in refused(replica, "p2")
    refused(replica, "p3")
    assert replica.open_run("drill", "p1", writable=True)["sda"].exists()


def test_a_layer_whose_data_is_in_another_file_starts_nothing(replica, tmp_path):
    path = layer(replica, "p2")
    below = layer(replica, "p1").name
    path.unlink()
    options = f"data_file={tmp_path / 'secrets'}"
    qemu_img(replica, "create", "-f", "qcow2", "-u", "-F", "qcow2", "-b", below, "-o", options, path, "4M")
    assert "a file of data of its own" in refused(replica, "p2")


def test_a_base_that_names_a_file_below_it_starts_nothing(replica, tmp_path):
    (tmp_path / "secrets").write_bytes(bytes(4 * MiB))
    base = replica.files.root / replica.state.disks[0].base
    qemu_img(replica, "rebase", "-u", "-F", "raw", "-b", tmp_path / "secrets", base)
    refused(replica, "p1")


def test_a_file_that_is_no_image_any_more_is_named(replica):
    layer(replica, "p2").write_bytes(b"")
    with pytest.raises(errors.ImageProblem, match=layer(replica, "p2").name):
        replica.open_run("drill", "p2", writable=True)


def test_a_store_that_was_moved_starts_what_it_holds(replica, tmp_path, daemon):
    replica.close()
    shutil.copytree(tmp_path / "m1", tmp_path / "elsewhere" / "m1")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for place in ("elsewhere", "link"):
        moved = Replica.open(tmp_path / place / "m1", daemon)
        assert moved.open_run("drill", "p3", writable=True)["sda"].exists()
        moved.close_run("drill")
        moved.close()
