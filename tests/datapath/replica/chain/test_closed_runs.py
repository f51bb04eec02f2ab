"""A run is closed: its overlays go together, and not below a program that writes to them."""

import shutil
import subprocess

import pytest

from rig.dying import Killed
from secondsite.datapath import errors
from secondsite.datapath.replica.replica import Replica
from tests.datapath.support_chain import Source, dying, read_raw

pytestmark = pytest.mark.slow


@pytest.fixture
def source():
    """Two disks."""
    return Source()


@pytest.fixture
def replica(tmp_path, daemon, source):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    for number in (1, 2):
        replica.apply(*source.cycle(f"p{number}"))
    yield replica
    replica.close()


def test_a_run_that_is_closed_half_way_is_not_found_by_halves(replica, daemon, source, tmp_path, monkeypatch):
    """Some disks of a machine as they were written, and others as at its point, are none of its instants."""
    for path in replica.open_run("failover", "p1").values():
        subprocess.run(["qemu-io", "-c", "write -P 7 0 64k", str(path)], check=True, capture_output=True)

    def dies(folder, **_options):
        next(folder.glob("*.qcow2")).unlink()
        raise Killed("rmtree")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", dies)
        with dying():
            replica.close_run("failover")
    heir = Replica.open(replica.files.root, daemon)
    for key, path in heir.open_run("failover", "p1").items():
        assert read_raw(path, tmp_path) == source.points["p1"][key]
    assert heir.close_run("failover") == "closed run failover"
    assert list(heir.files.runs.iterdir()) == []


def test_a_run_that_a_program_writes_to_is_not_closed_below_it(replica):
    """As plain QEMU, which rescue started."""
    overlay = replica.open_run("failover", "p1")["sda"]
    words = ["qemu-io", str(overlay)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("length\n")
        program.stdin.flush()
        program.stdout.readline()
        with pytest.raises(errors.ReplicaInUse, match="is not closed"):
            replica.close_run("failover")
        assert overlay.exists()
        program.stdin.close()
    assert replica.close_run("failover") == "closed run failover"
