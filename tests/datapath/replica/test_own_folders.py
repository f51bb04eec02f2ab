"""A store that was in other hands makes nobody remove or write what lies elsewhere."""

import os
import shutil

import pytest

from secondsite.datapath import errors
from secondsite.datapath.replica.replica import Replica
from tests.datapath.support_chain import Source

LINKED = [
    "runs",
    "disks",
    "disks/sda",
    "digests",
    "points",
    "disks/sda/base.qcow2",
    "replica.json",
    "journal",
]


@pytest.mark.parametrize("name", ["disks/sda/base.qcow2", "digests/sda.map", "runs/x/sda.qcow2"])
def test_a_replica_with_a_pipe_is_not_opened(daemon, tmp_path, name):
    """QEMU would wait for its other end, and all machines for QEMU."""
    replica = Replica.create(tmp_path / "m1", daemon, "m1", Source().replica_disks, epoch=1)
    replica.close()
    place = replica.files.root / name
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    with pytest.raises(errors.ImageProblem, match=f"{name} is a pipe"):
        Replica.open(replica.files.root, daemon)


@pytest.mark.parametrize("name", LINKED)
def test_a_replica_that_leads_elsewhere_is_not_opened_and_nothing_there_is_touched(daemon, tmp_path, name):
    source = Source()
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1"))
    replica.close()
    place, there = replica.files.root / name, tmp_path / "elsewhere"
    if place.is_dir():
        shutil.move(place, there)
        (there / "thesis").mkdir()
    elif place.exists():
        place.rename(there)
    place.symlink_to(there)
    before = sorted(there.rglob("*"))
    with pytest.raises(errors.ImageProblem, match=f"{name} is a symbolic link"):
        Replica.open(replica.files.root, daemon)
    assert sorted(there.rglob("*")) == before
