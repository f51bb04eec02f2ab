"""Whatever a policy keeps, a machine starts on a chain that every libvirt takes, and reads from it what
its point held."""

import shutil

import pytest

from secondsite.datapath import errors
from secondsite.datapath.disks import image
from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.replica.chain.shortcut_layer import MOST_FILES
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import KiB, MiB
from tests.datapath.replica.support_encryption import readable, write
from tests.datapath.replica.support_sweep import sweep
from tests.datapath.support_chain import Source, assert_points_true, read_raw, write_image

POINTS = 30
NEWEST = f"p{POINTS}"
SIZES = {"sda": 1 * MiB, "sdb": 512 * KiB + 512}


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A replica of many points, none of which was ever dropped; and its source."""
    return _grown(tmp_path_factory.mktemp("grown"), None)


def _grown(folder, key, points=POINTS):
    daemon, source = StorageDaemon(folder / "daemon"), Source(sizes=dict(SIZES))
    try:
        replica = Replica.create(folder / "m1", daemon, "m1", source.replica_disks, epoch=1, key=key)
        for number in range(1, points + 1):
            replica.apply(*source.cycle(f"p{number}", writes=3))
        replica.close()
    finally:
        daemon.stop()
    return folder / "m1", source


@pytest.fixture
def template(grown, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(grown[0], tmp_path / "m1")
    return tmp_path / "m1"


@pytest.fixture
def source(grown):
    return grown[1]


@pytest.fixture
def replica(template, daemon):
    return Replica.open(template, daemon)


def files_of(path):
    return len(image.chain(path))


def test_every_point_starts_from_few_files_and_holds_what_it_held(replica, source, tmp_path):
    for point_id in ("p1", "p17", "p18", "p19", NEWEST):
        held = source.points[point_id]
        overlays = replica.open_run("drill", point_id)
        assert max(map(files_of, overlays.values())) <= MOST_FILES
        assert {key: read_raw(path, tmp_path) for key, path in overlays.items()} == held, point_id
        replica.close_run("drill")
    assert not list(replica.files.runs.iterdir())
    assert_points_true(replica, source, tmp_path)


@pytest.mark.slow
def test_an_encrypted_point_starts_from_few_files(tmp_path, key, monkeypatch):
    monkeypatch.setattr("secondsite.datapath.replica.chain.shortcut_layer.MOST_FILES", 6)
    folder, source = _grown(tmp_path, key, points=8)
    daemon = StorageDaemon(tmp_path / "daemon")
    read = readable(monkeypatch, key)
    try:
        replica = Replica.open(folder, daemon, key=key)
        overlays = replica.open_run("failover", "p8")
        assert max(map(files_of, overlays.values())) <= 6
        assert all(link.encrypted for link in image.chain(overlays["sda"]))
        held = source.points["p8"]
        assert {each: read(path, tmp_path) for each, path in overlays.items()} == held
        write(overlays["sda"], key, 0, 4096)
        replica.settle("failover")
        replica.rebase_from_run("failover", epoch=2)
        replica.close()
        found = read(replica.files.layer("sda", replica.state.layers[0].number), tmp_path)
        assert found == b"\x5a" * 4096 + held["sda"][4096:]
    finally:
        daemon.stop()


def test_a_machine_on_a_merged_file_is_committed_and_turned(replica, source, tmp_path):
    overlay = replica.open_run("failover", NEWEST)["sda"]
    write_image(overlay, "64k", "128k")
    replica.settle("failover")
    ran = source.points[NEWEST] | {"sda": read_raw(overlay, tmp_path)}
    replica.rebase_from_run("failover", epoch=2)
    replica.close()
    assert {key: read_raw(replica.files.head(key, replica.state.head), tmp_path) for key in ran} == ran
    assert not list(replica.files.runs.iterdir())


def test_points_below_a_run_on_a_merged_file_are_dropped_once_it_is_closed(replica, source, tmp_path):
    overlay = replica.open_run("drill", NEWEST)["sda"]
    for number in range(2, POINTS - 1):
        replica.drop(f"p{number}")
    assert read_raw(overlay, tmp_path) == source.points[NEWEST]["sda"]
    replica.close_run("drill")
    assert len(replica.state.layers) == 4
    assert_points_true(replica, source, tmp_path)


def test_the_overlay_of_a_former_release_is_laid_on_a_merged_file(replica, source, tmp_path, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr("secondsite.datapath.replica.chain.shortcut_layer.MOST_FILES", 1000)
        overlay = replica.open_run("failover", NEWEST)["sda"]
    write_image(overlay, "64k", "128k")
    held = read_raw(overlay, tmp_path)
    assert files_of(overlay) > MOST_FILES
    assert replica.open_run("failover", NEWEST)["sda"] == overlay
    assert files_of(overlay) <= MOST_FILES
    assert read_raw(overlay, tmp_path) == held


def test_a_start_that_found_no_space_gives_its_run_back(replica, source, monkeypatch, tmp_path):
    def full(*_arguments):
        raise errors.StoreFull("No space left.", do="Make room.")

    with monkeypatch.context() as once:
        once.setattr("secondsite.datapath.replica.chain.copy_layer.copy", full)
        with pytest.raises(errors.StoreFull):
            replica.open_run("failover", NEWEST)
    assert replica.state.runs == ()
    assert not list(replica.files.runs.iterdir())
    assert read_raw(replica.open_run("failover", "p3")["sda"], tmp_path) == source.points["p3"]["sda"]


@pytest.mark.slow
def test_a_start_on_many_layers_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    def check(replica, done):
        paths = replica.open_run("drill", NEWEST) if done else {}
        held = {key: read_raw(path, tmp_path) for key, path in paths.items()}
        assert held == (source.points[NEWEST] if done else {})
        assert not done or not list(replica.files.run("drill").glob(".*.part"))

    sweep(template, daemon, lambda replica: replica.open_run("drill", NEWEST), check, at_least=3)
