"""What is on disk decides which points there are; what did not change on it is not read again."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest

from secondsite.appliance.target import point_shapes
from secondsite.appliance.target.point_shapes import PointShapes
from secondsite.appliance.target.verdicts import Verdicts
from secondsite.datapath.replica import Replica, ReplicaDisk
from secondsite.datapath.replica.record import manifest
from secondsite.datapath.replica.verbs import stats
from secondsite.ground.units import MiB

pytestmark = pytest.mark.always

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Facts(dict[str, str]):
    """The state of an appliance, in memory."""

    fact: Any = dict.get
    put_fact: Any = dict.__setitem__


class Points:
    """A replica with three points, and what was read of it."""

    def __init__(self, replica, source, monkeypatch):
        self.source, self.replica = source, replica
        state: Any = Facts()
        self.verdicts = Verdicts(state, "m1")
        self.shapes = PointShapes(self.replica, self.verdicts)
        self.read: list[str] = []
        load = manifest.load

        def counted(path):
            self.read.append(path.stem)
            return load(path)

        monkeypatch.setattr(manifest, "load", counted)

    def seal(self, *point_ids):
        for point_id in point_ids:
            self.replica.apply(*self.source.cycle(point_id))
        self.read.clear()

    def ids(self, **how: Any):
        return [point.id for point in self.shapes.listed(**how)]

    def path(self, point_id):
        return self.replica.files.point(point_id)


@pytest.fixture
def settled(monkeypatch):
    """As if the manifests had been written long ago."""
    monkeypatch.setattr(stats, "SETTLED_NS", 0)


@pytest.fixture
def points(tmp_path, daemon, source, monkeypatch):
    replica = Replica.create(tmp_path / "m1", daemon, "m1", source.replica_disks, 1)
    made = Points(replica, source, monkeypatch)
    made.seal("p1", "p2", "p3")
    yield made
    replica.close()


def flip(path):
    """Damage that leaves size and time as they were."""
    told, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))


@pytest.mark.usefixtures("settled")
def test_only_a_new_point_is_read(points):
    assert points.ids() == ["p1", "p2", "p3"]
    assert points.read == ["p1", "p2", "p3"]
    points.seal("p4")
    assert points.ids() == ["p1", "p2", "p3", "p4"]
    assert points.read == ["p4"]


@pytest.mark.usefixtures("settled")
def test_points_that_did_not_change_are_the_same_objects(points):
    assert points.shapes.listed() is points.shapes.listed()
    assert points.shapes.listed() is points.shapes.listed(only_new=True)


@pytest.mark.usefixtures("settled")
def test_a_manifest_that_is_damaged_in_its_place_is_noticed_and_so_is_its_repair(points):
    assert points.ids() == ["p1", "p2", "p3"]
    flip(points.path("p2"))
    assert points.ids() == ["p1", "p3"]
    flip(points.path("p2"))
    assert points.ids() == ["p1", "p2", "p3"]


@pytest.mark.usefixtures("settled")
def test_a_manifest_that_somebody_removed_or_replaced_is_noticed(points):
    assert points.ids() == ["p1", "p2", "p3"]
    path, other = points.path("p2"), points.path("p2").with_name("other")
    path.rename(other)
    assert points.ids() == ["p1", "p3"]
    path.write_bytes(b"{}")
    assert points.ids() == ["p1", "p3"]
    other.rename(path)
    assert points.ids() == ["p1", "p2", "p3"]


def test_a_manifest_that_was_written_a_moment_ago_is_read_again(points):
    """A second write in the same tick of the clock of files would leave no trace."""
    assert points.ids() == points.ids() == ["p1", "p2", "p3"]
    assert points.read == ["p1", "p2", "p3"] * 2


@pytest.mark.usefixtures("settled")
def test_the_known_are_believed_when_only_new_ones_are_asked_for_until_the_next_look(points):
    assert points.ids() == ["p1", "p2", "p3"]
    flip(points.path("p1"))
    points.seal("p4")
    assert points.ids(only_new=True) == ["p1", "p2", "p3", "p4"]
    assert points.read == ["p4"]
    assert points.ids() == ["p2", "p3", "p4"]


@pytest.mark.usefixtures("settled")
def test_all_are_read_again_now_and_then_because_disks_rot_without_a_write(points, monkeypatch):
    before = points.shapes.listed()
    points.read.clear()
    monkeypatch.setattr(point_shapes, "READ_AGAIN_SECONDS", 0.0)
    assert points.shapes.listed() is before
    assert points.read == ["p1", "p2", "p3"]


@pytest.mark.usefixtures("settled")
def test_a_dropped_point_is_gone_and_the_one_above_has_its_bytes(points):
    before = {point.id: point.added_bytes for point in points.shapes.listed()}
    points.replica.drop("p2")
    after = {point.id: point.added_bytes for point in points.shapes.listed(only_new=True)}
    assert list(after) == ["p1", "p3"]
    assert after["p1"] == before["p1"]
    assert after["p3"] > before["p3"]


@pytest.mark.usefixtures("settled")
def test_holds_and_their_ends_are_told(points):
    assert [point.held for point in points.shapes.listed()] == [None, None, None]
    points.replica.hold("p2", "an audit")
    assert [point.held for point in points.shapes.listed(only_new=True)] == [None, "an audit", None]
    points.replica.release("p2")
    assert [point.held for point in points.shapes.listed(only_new=True)] == [None, None, None]


@pytest.mark.usefixtures("settled")
def test_bytes_are_counted_again_when_a_disk_was_added(points):
    before = sum(point.added_bytes for point in points.shapes.listed())
    points.replica.add_disk(ReplicaDisk("sdc", 4 * MiB))
    assert sum(point.added_bytes for point in points.shapes.listed()) > before


@pytest.mark.usefixtures("settled")
def test_results_of_reading_disks_are_told_and_doubt_comes_and_goes(points):
    known = points.ids()
    points.verdicts.note("p1", ("sda",), NOW, known)
    assert [point.damaged for point in points.shapes.listed(only_new=True)] == [True, True, True]
    points.verdicts.note("p3", (), NOW, known)
    told = points.shapes.listed(only_new=True)
    assert [(point.damaged, point.verified_at) for point in told] == [(True, NOW), (True, None), (False, NOW)]
    points.seal("p4")
    assert [point.damaged for point in points.shapes.listed(only_new=True)] == [True, True, False, True]
    points.verdicts.note("p1", (), NOW, known)
    assert [point.damaged for point in points.shapes.listed(only_new=True)] == [False] * 4
