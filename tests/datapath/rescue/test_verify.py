"""`verify` compares what a point holds with what was sealed, and a start does as far as there is time; by
the one file, which a bare Python runs."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from secondsite import rescue
from secondsite.datapath.frames.frame import Frame
from secondsite.datapath.replica import BaseImage
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import KiB, MiB
from secondsite.rescue import choosing
from secondsite.rescue.comparing import digests, verifying
from secondsite.rescue.store import Store
from tests.datapath.support_chain import ODD_BYTES, Source, qemu_img

pytestmark = pytest.mark.slow
BLOCK = 64 * KiB


@pytest.fixture
def source():
    return Source(sizes={"sda": 8 * MiB, "sdb": ODD_BYTES})


@pytest.fixture
def replica(tmp_path, daemon, source):
    (tmp_path / "store/replicas").mkdir(parents=True)
    replica = Replica.create(tmp_path / "store/replicas/m1", daemon, "m1", source.replica_disks, epoch=1)
    fill(replica, source)
    replica.close()
    return replica


def fill(replica, source):
    """p3 has 80 blocks of its own on the first disk."""
    for number in (1, 2):
        replica.apply(*source.cycle(f"p{number}"))
    frames = [Frame(0, at * BLOCK, BLOCK, False, source.random.randbytes(BLOCK)) for at in range(80)]
    for frame in frames:
        source.disks["sda"][frame.offset : frame.offset + BLOCK] = frame.data
    header, _ = source.cycle("p3", writes=0)
    replica.apply(header, frames)


def layer(replica, point_id, key="sda"):
    return replica.files.layer(key, replica.state.layer_of(point_id).number)


def overwritten(replica, content):
    """The blocks of the newest point, as the file has them; what its tables say stays as it is."""
    path = layer(replica, "p3")
    mapped = json.loads(qemu_img("map", "--output=json", path))
    with path.open("r+b") as file:
        for each in mapped:
            if each["data"] and each["depth"] == 0 and each["start"] < 80 * BLOCK:
                file.seek(each["offset"])
                held = file.read(each["length"])
                file.seek(each["offset"])
                file.write(content(held))


def zeroed(replica):
    overwritten(replica, lambda held: bytes(len(held)))


def flipped(replica):
    overwritten(replica, lambda held: bytes([held[0] ^ 1]) + held[1:])


def torn(replica):
    """As a copy of a former release's store: the head under the name of the point, with the tables of a
    moment before."""
    path = layer(replica, "p3")
    qemu_img(
        "create", "-q", "-f", "qcow2", "-u", "-b", layer(replica, "p2").name, "-F", "qcow2", path, 8 * MiB
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "store" / rescue.NAME
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(rescue.bundle())
    return path


def verify(file, *words):
    """Its exit code, the points that it told of, and all that it said."""
    command = [sys.executable, "-I", "-S", str(file), "--json", "verify", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    points = json.loads(done.stdout)["points"] if done.stdout else []
    return done.returncode, {each["point"]: each for each in points}, done.stderr


def test_a_store_that_is_whole_is_said_to_be_and_every_disk_was_compared(replica, file):
    code, points, said = verify(file)
    assert (code, said) == (0, "")
    assert list(points) == ["p3"]
    assert points["p3"]["compared"] == ["sda", "sdb"]
    assert points["p3"]["read_bytes"] >= 80 * BLOCK
    code, points, _ = verify(file, "web01", "--all-points")
    assert code == 0
    assert list(points) == ["p3", "p2", "p1"]
    assert not any(each["problem"] or each["not_compared"] for each in points.values())


@pytest.mark.parametrize("hurt", [torn, zeroed, flipped], ids=lambda hurt: hurt.__name__)
def test_a_point_that_is_not_what_was_sealed_is_named_and_the_one_before_is_taken(
    replica, file, hurt, tmp_path
):
    hurt(replica)
    code, points, _ = verify(file, "web01")
    assert code == 1
    assert points["p3"]["problem"] == "what its disk sda holds is not what was sealed"
    assert points["p2"]["compared"] == ["sda", "sdb"]
    found = Store([tmp_path / "store"]).find("web01")
    point, passed = choosing.whole(
        found, "latest", lambda each: verifying.compared(found, each, None, 60).problem
    )
    assert point.id == "p2"
    assert "p3 is newer, and cannot be used: what its disk sda holds" in passed


def test_a_disk_that_there_is_no_time_for_keeps_no_machine_from_starting_and_is_named(replica, tmp_path):
    zeroed(replica)
    found = Store([tmp_path / "store"]).find("web01")
    said = verifying.compared(found, found.point("p3"), None, 0)
    assert (said.problem, said.compared) == ("", ())
    assert said.left == ("sdb (there was not enough time)", "sda (there was not enough time)")


def test_without_the_library_it_says_what_was_not_compared_and_goes_on(replica, tmp_path, monkeypatch):
    monkeypatch.setattr(digests, "LIBRARY", "libxxhash-is-not-here.so.0")
    digests.library.cache_clear()
    try:
        found = Store([tmp_path / "store"]).find("web01")
        said = verifying.compared(found, found.point("p3"), None)
        assert said.problem == ""
        assert [each.partition(" ")[0] for each in said.left] == ["sdb", "sda"]
        assert all("apt install libxxhash0" in each for each in said.left)
    finally:
        digests.library.cache_clear()


def test_the_size_of_a_disk_counts_too(replica, tmp_path):
    qemu_img("resize", "-q", layer(replica, "p3"), 9 * MiB)
    found = Store([tmp_path / "store"]).find("web01")
    assert verifying.compared(found, found.point("p3"), None).problem


def test_what_was_written_to_an_old_disk_is_found_even_if_the_file_looks_as_it_did(daemon, tmp_path, file):
    """A raw one, of which the points have most of their content."""
    source, old = Source(sizes={"sda": 1 * MiB}), tmp_path / "old.img"
    source.disks["sda"][:] = source.random.randbytes(1 * MiB)
    old.write_bytes(source.disks["sda"])
    (tmp_path / "store/replicas").mkdir()
    bases = {"sda": BaseImage(old, "raw")}
    replica = Replica.create(
        tmp_path / "store/replicas/m1", daemon, "m1", source.replica_disks, epoch=1, base=bases
    )
    replica.apply(*source.cycle("p1", writes=1))
    replica.close()
    assert verify(file)[0] == 0
    looked = old.stat()
    with old.open("r+b") as written:
        for block in range(16):
            written.seek(block * BLOCK + 100)
            written.write(b"changed")
    os.utime(old, ns=(looked.st_atime_ns, looked.st_mtime_ns))
    code, points, _ = verify(file)
    assert code == 1
    assert "its disk sda holds is not what was sealed" in points["p1"]["problem"]


@pytest.mark.every
def test_an_encrypted_point_is_compared_with_its_key_and_without_it_told_of(
    daemon, tmp_path, key, lent, file
):
    source = Source(sizes={"sda": 4 * MiB})
    (tmp_path / "store/replicas/m1/disks").mkdir(parents=True)
    shutil.copytree(tmp_path / "m1/disks/sda", tmp_path / "store/replicas/m1/disks/sda")
    replica = Replica.create(
        tmp_path / "store/replicas/m1", daemon, "m1", source.replica_disks, epoch=1, key=key
    )
    replica.apply(*source.cycle("p1"))
    replica.close()
    code, points, _ = verify(file)
    assert code == 3
    assert f"is encrypted with key {key.key_id}" in points["p1"]["not_compared"][0]
    assert verify(file, "--key-file", key.path)[0] == 0
    path = layer(replica, "p1")
    with path.open("r+b") as written:
        written.seek(path.stat().st_size - 256 * KiB)
        written.write(b"\x55" * 256 * KiB)
    code, points, _ = verify(file, "--key-file", key.path)
    assert code == 1
    assert points["p1"]["problem"]
