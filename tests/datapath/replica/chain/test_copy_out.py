"""Disks of a point copied to images of their own: what was sealed, thin, and with nothing of the replica
below."""

import pytest

from rig.images import raw
from secondsite.datapath import errors
from secondsite.datapath.disks import image
from secondsite.datapath.replica.replica import Replica
from secondsite.ground.units import MiB
from tests.datapath.support_chain import Source

pytestmark = pytest.mark.slow


@pytest.fixture
def source():
    return Source(sizes={"sda": 4 * MiB, "sdb": 2 * MiB})


@pytest.fixture(params=["plain", "encrypted"])
def replica(request, tmp_path, daemon, source, key, lent):
    own = key if request.param == "encrypted" else None
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, epoch=1, key=own)
    for point_id in ("p1", "p2"):
        replica.apply(*source.cycle(point_id))
    yield replica
    replica.close()


def goals(folder):
    return {key: folder / f"copy-{key}.qcow2" for key in ("sda", "sdb")}


def test_each_disk_is_what_was_sealed_and_stands_on_nothing(replica, source, tmp_path):
    replica.copy_out("p1", goals(tmp_path))
    replica.apply(*source.cycle("p3"))
    replica.drop(["p1"])
    for key, path in goals(tmp_path).items():
        (facts,) = image.chain(path)
        assert (facts.backing, facts.encrypted) == (None, False)
        assert raw(path) == bytes(source.points["p1"][key])


def test_a_disk_that_is_mostly_empty_stays_thin(tmp_path, daemon, lent):
    source = Source(sizes={"sda": 512 * MiB})
    replica = Replica.create(tmp_path / "thin", daemon, "m1", source.replica_disks, epoch=1)
    replica.apply(*source.cycle("p1"))
    goal = tmp_path / "copy.qcow2"
    written = replica.copy_out("p1", {"sda": goal})
    replica.close()
    assert written < 64 * MiB
    assert goal.stat().st_blocks * 512 < written + 4 * MiB


def test_a_point_that_is_not_as_it_was_sealed_is_no_copy(replica, tmp_path):
    point = replica.files.layer("sda", replica.state.layer_of("p1").number)
    replica.close()
    with point.open("r+b") as file:
        file.seek(-4096, 2)
        file.write(b"\xa5" * 4096)
    with pytest.raises(errors.DatapathError):
        replica.copy_out("p1", goals(tmp_path))


def test_it_ends_once_nobody_wants_it_and_keeps_no_layer(replica, tmp_path):
    with pytest.raises(errors.Cancelled):
        replica.copy_out("p1", goals(tmp_path), cancelled=lambda: True)
    replica.until_unread(0.1)
    assert replica.daemon.exports("c") == []
    replica.copy_out("p1", goals(tmp_path))


def test_an_unknown_point_writes_nothing(replica, tmp_path):
    with pytest.raises(errors.PointUnknown):
        replica.copy_out("p9", goals(tmp_path))
    assert not any(path.exists() for path in goals(tmp_path).values())
