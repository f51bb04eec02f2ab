"""Whatever instant a process dies at, the next one finds every point true and finishes what was asked.

The sweep dies at the first seam, then at the second, and so on until the operation ends untouched. Nothing is
cleaned up at a death: open nodes and exports of the dead replica stay in the storage daemon.
"""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from secondsite.datapath import errors
from secondsite.datapath.cycles import firmware
from secondsite.datapath.replica.replica import Replica
from secondsite.datapath.replica.verbs import remove
from secondsite.datapath.replica.verbs.create import ReplicaDisk
from secondsite.ground.units import MiB
from tests.datapath.replica.support_sweep import sweep
from tests.datapath.support_chain import Seams, Source, assert_points_true, dying, read_raw, write_image

pytestmark = [pytest.mark.slow, pytest.mark.longest]


@pytest.fixture
def source():
    return Source(seed=5)


@pytest.fixture
def template(tmp_path, daemon, source):
    """A replica's folder with three points and an unsealed cycle, to be copied for every death."""
    replica = Replica.create(tmp_path / "template", daemon, "m1", source.replica_disks, epoch=1)
    for number in range(1, 4):
        replica.apply(*source.cycle(f"p{number}", writes=4))
    replica.apply(*source.cycle(writes=3))
    replica.close()
    return tmp_path / "template"


def test_applying_and_sealing_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    header, frames = source.cycle("p5", writes=4)

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        if done:
            assert [point.point_id for point in replica.points()] == ["p1", "p2", "p3", "p5"]
            for key, data in source.disks.items():
                replica.region(key, 0, len(data))

    sweep(template, daemon, lambda replica: replica.apply(header, frames), check, at_least=9)


def test_a_disk_that_shrinks_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    del source.disks["sda"][MiB + 512 :]
    header, frames = source.cycle("p5", writes=4)

    def check(replica, done):
        if not done and replica.state.applying_seq is not None:
            with pytest.raises(errors.HeadTorn):
                replica.seal({"point_id": "without-its-end"})
        assert_points_true(replica, source, tmp_path, only=None if done else ["p1", "p2", "p3"])
        if done:
            assert [point.point_id for point in replica.points()] == ["p1", "p2", "p3", "p5"]

    sweep(template, daemon, lambda replica: replica.apply(header, frames), check, at_least=9)


def test_sealing_latest_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    source.points["latest"] = source.copy()

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        if done:
            assert replica.points()[-1].point_id == "latest"

    sweep(template, daemon, lambda replica: replica.seal({"point_id": "latest"}), check, at_least=3)


@pytest.mark.parametrize("point_id", ["p1", "p3"])
def test_dropping_survives_a_death_at_every_seam(template, daemon, source, tmp_path, point_id):
    source.points["after"] = source.copy()

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        if done:
            assert point_id not in [point.point_id for point in replica.points()]
            assert len(replica.state.layers) == 3
            replica.seal({"point_id": "after"})
            assert_points_true(replica, source, tmp_path, only=["after"])

    sweep(template, daemon, lambda replica: replica.drop(point_id), check, at_least=5)


def test_firmware_state_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    first, second = ({"nvram": text * 999} for text in (b"first", b"second"))
    replica = Replica.open(template, daemon)
    replica.apply(*source.cycle("p5", writes=2, firmware=firmware.pack(first, ())))
    replica.close()
    changed = source.cycle("p6", writes=2, firmware=firmware.pack(second, ()))

    def operation(replica):
        replica.apply(*changed)
        replica.drop("p5")

    def content(replica, point_id):
        return replica.firmware(point_id)

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        found = {point.point_id for point in replica.points()}
        for point_id, files in (("p5", first), ("p6", second)):
            assert point_id not in found or content(replica, point_id) == files
        if done:
            assert "p6" in found
            replica.close()
            names = {path.name for path in replica.files.firmware.iterdir()}
            assert names == {file.sha256 for file in changed[0].firmware}

    sweep(template, daemon, operation, check, at_least=12)


def test_a_disk_that_joins_and_leaves_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    def operation(replica):
        replica.add_disk(ReplicaDisk("sdc", 1 << 20))
        replica.drop("p1")
        replica.forget_disk("sdc")

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        replica.seal({"point_id": "after"})
        assert_points_true(replica, source, tmp_path, only=["after"])
        if done:
            assert replica.state.keys == ("sda", "sdb")
            assert {path.name for path in (replica.files.root / "disks").iterdir()} == {"sda", "sdb"}

    source.points["after"] = source.copy()
    sweep(template, daemon, operation, check, at_least=6)


def test_settling_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    def operation(replica):
        replica.open_run("failover", "p2")
        replica.settle("failover")

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        if done:
            assert [point.point_id for point in replica.points()] == ["p2"]
            layers = replica.files.disk("sda").glob("0*.qcow2")
            assert sorted(path.name for path in layers) == ["000001.qcow2", "000002.qcow2"]

    sweep(template, daemon, operation, check, at_least=5)


def test_turning_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    replica = Replica.open(template, daemon)
    overlay = replica.open_run("failover", "p2")["sda"]
    write_image(overlay, "128k", "64k")
    replica.settle("failover")
    ran = {"sda": read_raw(overlay, tmp_path), "sdb": source.points["p2"]["sdb"]}
    replica.close()

    def check(replica, done):
        if replica.state.epoch == 1:
            paths = replica.open_run("failover", "p2")
            assert {key: read_raw(path, tmp_path) for key, path in paths.items()} == ran
        if done:
            assert replica.state.epoch == 2
            replica.close()
            head = {key: replica.files.head(key, replica.state.head) for key in ran}
            assert {key: read_raw(path, tmp_path) for key, path in head.items()} == ran
            assert not list(replica.files.runs.iterdir())

    sweep(template, daemon, lambda replica: replica.rebase_from_run("failover", 2), check, at_least=4)


def test_closing_a_run_survives_a_death_at_every_seam(template, daemon, source, tmp_path):
    replica = Replica.open(template, daemon)
    replica.open_run("drill", "p3")
    replica.drop("p1")
    replica.drop("p2")
    replica.close()

    def check(replica, done):
        assert_points_true(replica, source, tmp_path)
        if done:
            assert len(replica.state.layers) == 2

    sweep(template, daemon, lambda replica: replica.close_run("drill"), check, at_least=5)


def test_removing_survives_a_death(template, daemon):
    seams = Seams()
    replica = Replica.open(template, daemon, seams)
    seams.arm(1)
    with dying():
        replica.remove()
    remove.sweep(template.parent)
    assert not template.exists()
    assert not list(template.parent.glob(".removed-*"))


STORY = textwrap.dedent("""
    import os, pathlib, signal, sys
    from secondsite.datapath.replica.replica import Replica
    from secondsite.datapath.disks.storage_daemon import StorageDaemon
    from tests.datapath.support_chain import Seams, Source

    folder, kill_at = pathlib.Path(sys.argv[1]), int(sys.argv[2])

    class Reach(Seams):
        def __call__(self, name):
            self.reached.append(name)
            if len(self.reached) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    source = Source(seed=5)
    for number in range(1, 4):
        source.cycle(f"p{number}", writes=4)
    source.cycle(writes=3)
    daemon = StorageDaemon(folder.parent / "daemon")
    replica = Replica.open(folder, daemon, Reach())
    replica.apply(*source.cycle("p5", writes=4))
    replica.drop("p2")
    daemon.stop()
""")


@pytest.mark.parametrize("kill_at", [1, 3, 6, 9, 11, 13, 15, 17, 99])
def test_a_process_killed_with_its_daemon_still_running_is_succeeded(
    template, daemon, source, tmp_path, kill_at, request
):
    """kill -9 of the whole owner: the orphaned daemon holds the files until the successor ends it."""
    daemon.stop()
    done = subprocess.run(
        [sys.executable, "-c", STORY, str(template), str(kill_at)],
        cwd=request.config.rootpath, env={"PYTHONPATH": "src:.", "PATH": "/usr/bin:/bin"},
        timeout=60, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (-signal.SIGKILL if kill_at < 99 else 0), done.stderr
    header, frames = source.cycle("p5", writes=4)
    heir = Replica.open(template, daemon)
    assert_points_true(heir, source, tmp_path)
    heir.apply(header, frames)
    heir.drop("p2")
    assert [point.point_id for point in heir.points()] == ["p1", "p3", "p5"]
    assert_points_true(heir, source, tmp_path)
    heir.close()


@pytest.mark.parametrize(
    "seam", ["apply.frame", "apply.written", "apply.flushed", "seal.snapshot", "seal.manifest"]
)
def test_a_daemon_that_somebody_else_starts_again_in_the_middle_of_a_cycle_gets_nothing_of_it(
    template, daemon, source, tmp_path, seam
):
    armed: list[Any] = []

    def restart(name):
        if name == seam and armed:
            armed.clear()
            os.kill(daemon.pid, signal.SIGKILL)
            assert daemon.died(5)
            daemon.start()

    replica = Replica.open(template, daemon, restart)
    replica.points()
    header, frames = source.cycle("p5", writes=4)
    armed.append(seam)
    with contextlib.suppress(errors.StorageDaemonGone):
        replica.apply(header, frames)
    assert not armed
    replica.apply(header, frames)
    # plain qemu-img reads them all: no layer is open for writing but the head
    assert_points_true(replica, source, tmp_path)
    replica.apply(*source.cycle("p6", writes=6))
    assert_points_true(replica, source, tmp_path)
    replica.close()
