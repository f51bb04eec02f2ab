"""A copy of a disk that was shipped: imported, compared, and only the rest is sent. Real images, real
deaths."""

import contextlib
import hashlib
import os
import random
import subprocess
import threading

import nbd
import pytest

from rig.appliances import DISK_BYTES, Pair
from rig.dying import Killed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.datapath.extents import PAGE_BYTES
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control import Order
from secondsite.wire.control.checks import CheckTarget, ImportSeed, SeedDisk
from secondsite.wire.control.orders import Kind, RemoveReplica

pytestmark = pytest.mark.slow

CHANGED_PAGES = 30
PROTOCOL_BYTES = 16 * KiB
"""Digests of 128 blocks, of the pages of those that differ, and the headers of a cycle or two."""


@pytest.fixture
def shelf(tmp_path):
    """The folder that the target may read seeds from."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


@pytest.fixture
def pair(make_site, shelf):
    a, b = make_site("a").start(), make_site("b", seed_folders=(shelf,)).start()
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(5 * MiB, seed=1))
    return pair


def qemu_img(*arguments):
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, timeout=60, capture_output=True)


def raw_copy(pair, path):
    path.write_bytes(pair.source.read(pair.fabric_id))
    return path


def shipped(pair, shelf, image_format="qcow2"):
    """What an operator brings on a disk."""
    raw = raw_copy(pair, shelf / "copy.raw")
    if image_format == "raw":
        return raw
    path = shelf / f"copy.{image_format}"
    qemu_img("convert", "-f", "raw", "-O", image_format, raw, path)
    raw.unlink()
    return path


def scatter(pair, count=CHANGED_PAGES):
    rng = random.Random(2)
    for page in rng.sample(range(DISK_BYTES // PAGE_BYTES), count):
        pair.source.write(pair.fabric_id, page * PAGE_BYTES, rng.randbytes(PAGE_BYTES))


def seed(path, key="vda", size_bytes=DISK_BYTES):
    return SeedDisk(key=key, path=str(path), size_bytes=size_bytes)


def prepare(pair):
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)


def bring_in(pair, path):
    return pair.target.do(Kind.IMPORT_SEED, ImportSeed(seeds=(seed(path),)), pair.machine_id)


def replicate(pair):
    setup = pair.source_setup(seeded=("vda",))
    pair.source.do(Kind.START_REPLICATION, setup, pair.machine_id)
    pair.synchronized()


def sent_bytes(pair):
    return pair.source_status().total_wire_bytes


def newest_point_is_the_disk(pair):
    return pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


@pytest.mark.parametrize("image_format", ["qcow2", "raw", "vmdk", "vhdx"])
def test_only_what_differs_from_the_seed_travels(pair, shelf, image_format):
    path = shipped(pair, shelf, image_format)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    scatter(pair)
    prepare(pair)
    fact = bring_in(pair, path)
    assert fact["data_bytes"] == 5 * MiB
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    path.unlink()  # as a medium that is unplugged
    replicate(pair)
    assert sent_bytes(pair) <= 1.1 * CHANGED_PAGES * PAGE_BYTES + PROTOCOL_BYTES
    assert newest_point_is_the_disk(pair)
    point = pair.status().points[-1]
    assert pair.target.replica(pair.machine_id).replica.verify(point.id).ok


def test_a_seed_of_another_machine_costs_bytes_and_never_truth(pair, shelf):
    path = shelf / "other.raw"
    path.write_bytes(noise(DISK_BYTES, seed=9))
    prepare(pair)
    bring_in(pair, path)
    replicate(pair)
    assert sent_bytes(pair) > 5 * MiB
    assert newest_point_is_the_disk(pair)


def test_a_machine_with_a_seed_for_one_of_its_disks_gets_the_other_whole(make_site, shelf):
    a, b = make_site("a").start(), make_site("b", seed_folders=(shelf,)).start()
    pair = Pair(a, b, a.make_machine(disks=2))
    for key in ("vda", "vdb"):
        a.write(pair.fabric_id, 0, noise(2 * MiB), key=key)
    path = shipped(pair, shelf)
    prepare(pair)
    bring_in(pair, path)
    replicate(pair)
    assert 2 * MiB < sent_bytes(pair) < 2.2 * MiB
    point = pair.point_now()
    for key in ("vda", "vdb"):
        assert b.point_bytes(pair.machine_id, point, key) == a.read(pair.fabric_id, key)


# ---- what is refused ---------------------------------------------------------------------------------------


def obstacles(pair, path, **more):
    facts = pair.target.do(Kind.CHECK_TARGET, CheckTarget(seeds=(seed(path, **more),)), pair.machine_id)
    return " ".join(f"{each['what']} {each['do']}" for each in facts["obstacles"])


def elsewhere(tmp_path, shelf):
    path = tmp_path / "secret.raw"
    path.write_bytes(bytes(DISK_BYTES))
    return path


def through_a_link(tmp_path, shelf):
    (shelf / "link.raw").symlink_to(elsewhere(tmp_path, shelf))
    return shelf / "link.raw"


def over_a_backing_file(tmp_path, shelf):
    qemu_img("create", "-f", "qcow2", "-F", "raw", "-b", elsewhere(tmp_path, shelf), shelf / "overlay.qcow2")
    return shelf / "overlay.qcow2"


def with_a_data_file(tmp_path, shelf):
    secret = elsewhere(tmp_path, shelf)
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={secret}", shelf / "outside.qcow2", DISK_BYTES)
    return shelf / "outside.qcow2"


def with_a_vmdk_extent(tmp_path, shelf):
    secret, path = elsewhere(tmp_path, shelf), shelf / "outside.vmdk"
    qemu_img("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", path, DISK_BYTES)
    (shelf / "outside-flat.vmdk").unlink()
    path.write_text(path.read_text().replace("outside-flat.vmdk", str(secret)))
    return path


@pytest.mark.parametrize(
    "make", [elsewhere, through_a_link, over_a_backing_file, with_a_data_file, with_a_vmdk_extent]
)
def test_files_outside_the_folders_are_never_read(pair, tmp_path, shelf, make):
    path = make(tmp_path, shelf)
    said = obstacles(pair, path)
    assert "not in a folder that this appliance reads seeds from" in said
    assert "seed_folders" in said
    prepare(pair)
    report = pair.target.order(Kind.IMPORT_SEED, ImportSeed(seeds=(seed(path),)), pair.machine_id)
    assert report.problem.code == "seed-refused"
    assert not (pair.target.config.store / "replicas" / pair.machine_id / "seed.json").exists()


def test_an_appliance_without_a_seed_folder_says_how_to_name_one(sites, tmp_path):
    a, b = sites
    pair = Pair(a, b, a.make_machine())
    said = obstacles(pair, elsewhere(tmp_path, None))
    assert "it has none" in said
    assert "seed_folders" in said


@pytest.mark.parametrize("size_bytes", [DISK_BYTES - 64 * KiB, DISK_BYTES + MiB])
def test_a_seed_of_another_size_is_refused_with_both_sizes(pair, shelf, size_bytes):
    said = obstacles(pair, shipped(pair, shelf), size_bytes=size_bytes)
    assert f"is a disk of {DISK_BYTES} bytes, disk vda has {size_bytes}" in said


def test_what_is_no_readable_image_is_refused_with_what_qemu_says(pair, shelf):
    assert "There is no file" in obstacles(pair, shelf / "nosuch.qcow2")
    (shelf / "broken.qcow2").write_bytes(b"QFI\xfb" + bytes(2 * KiB))
    assert "cannot be read" in obstacles(pair, shelf / "broken.qcow2")
    secret = [
        "--object",
        "secret,id=s,data=x",
        "-o",
        "encrypt.format=aes,encrypt.key-secret=s",
    ]
    qemu_img("create", "-f", "qcow2", *secret, shelf / "locked.qcow2", DISK_BYTES)
    assert "is encrypted" in obstacles(pair, shelf / "locked.qcow2")


def test_an_image_that_a_program_writes_is_refused(pair, shelf):
    path = shipped(pair, shelf)
    command = ["qemu-nbd", "--persistent", "-k", str(shelf / "nbd"), str(path)]
    with contextlib.closing(_Running(command)) as writer:
        # it makes its socket before it opens the image, which it could not while it is looked at; an export
        # is open
        eventually(lambda: (shelf / "nbd").exists())
        reader = nbd.NBD()
        reader.connect_unix(str(shelf / "nbd"))
        assert "lock" in obstacles(pair, path)
        assert writer.process.poll() is None


class _Running:
    def __init__(self, command):
        self.process = subprocess.Popen(command)

    def close(self):
        self.process.kill()
        self.process.wait(10)


# ---- deaths and other breaks -------------------------------------------------------------------------------


def cut_off(pair, path, kill):
    """The order, ended as `kill -9` would end it, and the appliance started again; False when it came
    through."""
    order = Order(
        order_id=os.urandom(8).hex(), kind=Kind.IMPORT_SEED, machine_id=pair.machine_id,
        payload=ImportSeed(seeds=(seed(path),)).model_dump(mode="json"), deadline_seconds=60,
    )  # fmt: skip
    with seams.armed(kill):
        try:
            pair.target.appliance.perform(order)
            return False
        except Killed:
            pass
    pair.target.stop()
    pair.target.start()
    return True


def test_death_at_every_seam_of_an_import_leaves_a_true_replica(pair, shelf, monkeypatch):
    monkeypatch.setattr("secondsite.appliance.target.seeds.SLICE_BYTES", MiB)
    path = shipped(pair, shelf)
    scatter(pair)
    prepare(pair)
    passed: list[str] = []
    died_at: list[str] = []

    def kill(name):
        if name.startswith(("appliance.seed.", "appliance.replica.seed.")):
            passed.append(name)
            # a little further each time, so that every seam is met and the import still ends
            if len(passed) > len(died_at):
                died_at.append(name)
                raise Killed

    while cut_off(pair, path, kill):
        passed.clear()
    assert {name.rpartition(".")[2] for name in died_at} == {"begun", "piece", "flushed", "done", "slice"}
    replicate(pair)
    assert sent_bytes(pair) <= 1.1 * CHANGED_PAGES * PAGE_BYTES + PROTOCOL_BYTES
    assert newest_point_is_the_disk(pair)
    assert not list((pair.target.config.store / "seeding").iterdir())


def test_an_import_that_was_stopped_goes_on_where_it_was(pair, shelf, monkeypatch):
    monkeypatch.setattr("secondsite.appliance.target.seeds.SLICE_BYTES", MiB)
    path = shipped(pair, shelf)
    prepare(pair)
    slices = []

    def kill(name):
        if name == "appliance.seed.slice":
            slices.append(name)
            if len(slices) == 3:
                raise Killed

    assert cut_off(pair, path, kill)
    first = len(slices)
    with seams.armed(lambda name: slices.append(name) if name == "appliance.seed.slice" else None):
        bring_in(pair, path)
    assert len(slices) - first < first + 1
    replicate(pair)
    assert newest_point_is_the_disk(pair)


def test_a_medium_that_goes_away_fails_the_import_and_nothing_else(pair, shelf, monkeypatch):
    monkeypatch.setattr("secondsite.appliance.target.seeds.SLICE_BYTES", MiB)
    path = shipped(pair, shelf)
    prepare(pair)

    def unplug(name):
        if name == "appliance.seed.slice":
            pid = int(
                (
                    pair.target.config.store / "seeding" / f"{pair.machine_id}-vda" / "storage-daemon.pid"
                ).read_text()
            )
            os.kill(pid, 9)

    with seams.armed(unplug):
        report = pair.target.order(Kind.IMPORT_SEED, ImportSeed(seeds=(seed(path),)), pair.machine_id)
    assert report.problem.code == "seed-refused"
    assert "retry" in report.problem.do
    replicate(pair)
    assert newest_point_is_the_disk(pair)


def test_a_replica_that_is_removed_meanwhile_ends_the_import(pair, shelf, monkeypatch):
    monkeypatch.setattr("secondsite.appliance.target.seeds.SLICE_BYTES", MiB)
    path = shipped(pair, shelf)
    prepare(pair)
    first, go_on, reports = threading.Event(), threading.Event(), []

    def wait(name):
        if name == "appliance.seed.slice":
            first.set()
            go_on.wait(20)

    def order():
        reports.append(pair.target.order(Kind.IMPORT_SEED, ImportSeed(seeds=(seed(path),)), pair.machine_id))

    with seams.armed(wait):
        importing = threading.Thread(target=order)
        importing.start()
        assert first.wait(20)
        pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
        go_on.set()
        importing.join(20)
    assert reports[0].problem.code == "not-found"
    assert not (pair.target.config.store / "replicas" / pair.machine_id).exists()


def test_a_replica_that_has_received_cycles_takes_no_seed(pair, shelf):
    path = shipped(pair, shelf)
    pair.protect().synchronized()
    report = pair.target.order(Kind.IMPORT_SEED, ImportSeed(seeds=(seed(path),)), pair.machine_id)
    assert "has received cycles already" in report.problem.message
    assert newest_point_is_the_disk(pair)
