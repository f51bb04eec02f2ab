"""What is known of a point's damage decides which points can be started from."""

import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rig.appliances import Pair
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target import point_shapes
from secondsite.appliance.target.scrub import next_point
from secondsite.appliance.target.verdicts import Verdicts
from secondsite.ground import real_files
from secondsite.ground.units import DAY, HOUR, KiB, MiB
from secondsite.wire.common.points import PointShape
from secondsite.wire.control.orders import Kind, PointOrder
from tests.appliance.support_deleted import hold, points, release, trimmed

pytestmark = pytest.mark.always

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAYS = timedelta(days=1)


class Facts(dict[str, str]):
    """The state of an appliance, in memory."""

    fact: Any = dict.get
    put_fact: Any = dict.__setitem__


def no_verdicts():
    state: Any = Facts()
    return Verdicts(state, "m")


POINTS = [
    PointShape(id=f"p{seq}", taken_at=NOW, epoch=1, seq=seq, disks=("vda", "vdb") if seq < 5 else ("vdb",))
    for seq in range(1, 6)
]
KNOWN = [point.id for point in POINTS]


@pytest.fixture
def verdicts():
    """Point 2 was found damaged on vda."""
    found = no_verdicts()
    found.note("p3", (), NOW - MINUTE, KNOWN)
    found.note("p2", ("vda",), NOW, KNOWN)
    return found


def test_what_stands_on_a_damaged_point_is_in_doubt_even_if_it_was_read_before(verdicts):
    assert verdicts.doubted(POINTS) == {"p3", "p4"}


def test_a_point_that_was_read_since_is_in_no_doubt_also_when_the_damaged_one_is_read_again(verdicts):
    verdicts.note("p3", (), NOW + MINUTE, KNOWN)
    verdicts.note("p2", ("vda",), NOW + 2 * MINUTE, KNOWN)
    assert verdicts.doubted(POINTS) == {"p4"}


def test_doubt_does_not_depend_on_clocks_that_are_set():
    found = no_verdicts()
    found.note("p3", (), NOW + 500 * DAYS, KNOWN)
    found.note("p2", ("vda",), NOW, KNOWN)
    assert found.doubted(POINTS) == {"p3", "p4"}
    found.note("p3", (), NOW - 500 * DAYS, KNOWN)
    assert found.doubted(POINTS) == {"p4"}


def test_a_point_that_was_read_while_the_clock_was_ahead_is_read_again():
    read = [POINTS[0].model_copy(update={"verified_at": NOW + 500 * DAYS})]
    assert next_point(read, NOW, 3600) == read[0]
    assert next_point([POINTS[0].model_copy(update={"verified_at": NOW})], NOW, 3600) is None


def test_a_comparison_repairs_what_comes_with_it_and_later(verdicts):
    verdicts.ask_for_comparison()
    verdicts.compared(1, 4)
    assert verdicts.doubted(POINTS) == {"p3"}


def test_damaged_firmware_state_casts_no_doubt_on_disks():
    found = no_verdicts()
    found.note("p2", ("nvram",), NOW, KNOWN)
    assert found.doubted(POINTS) == set()


def test_new_damage_in_the_point_of_a_comparison_asks_for_another(verdicts):
    verdicts.ask_for_comparison()
    verdicts.compared(1, 4)
    assert not verdicts.needs_repair(POINTS)
    verdicts.note("p4", ("vda",), NOW + MINUTE, KNOWN)
    assert verdicts.needs_repair(POINTS)


MARK = b"a block that will rot" * 200


def rot(site, machine_id):
    for path in (site.config.store / "replicas" / machine_id / "disks").rglob("*.qcow2"):
        data = bytearray(path.read_bytes())
        if (at := data.find(MARK)) >= 0:
            data[at + 100] ^= 1
            path.write_bytes(data)


@pytest.fixture
def pair(make_site):
    """Nothing is read in the background."""
    a, b = make_site("a").start(), make_site("b").start(scrub_bytes_per_second=0)
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 1 * MiB, MARK)
    return pair.protect().synchronized()


@pytest.mark.slow
def test_no_point_that_is_sealed_on_known_damage_is_offered_until_it_is_read(pair):
    old = pair.point_now()
    pair.pause()
    pair.target.stop()
    rot(pair.target, pair.machine_id)
    pair.target.start()
    pair.source.write(pair.fabric_id, 3 * MiB, noise(64 * KiB))
    new = pair.point_now()
    verify = pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=old), pair.machine_id)
    assert verify.problem.code == "point-damaged"
    found = next(each for each in pair.status().points if each.id == new)
    assert found.damaged
    assert found.verified_at is None
    pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=new), pair.machine_id)
    assert {each.id for each in pair.status().points if each.damaged} >= {old, new}


def manifest_of(pair, point_id):
    return pair.target.config.store / "replicas" / pair.machine_id / "points" / f"{point_id}.json"


@pytest.mark.slow
def test_a_point_whose_manifest_is_damaged_is_told_and_goes_after_a_day_when_it_is_the_oldest(pair, time):
    first = pair.status().points[0].id
    for number in range(2):
        pair.source.write(pair.fabric_id, number * MiB, noise(64 * KiB))
        pair.point_now()
    hosted = pair.target.replica(pair.machine_id)
    data = bytearray(manifest_of(pair, first).read_bytes())
    data[len(data) // 2] ^= 1
    manifest_of(pair, first).write_bytes(data)
    hosted.refresh()
    (told,) = [each.what for each in pair.status().findings if each.code == "replica-damaged"]
    assert first in told
    assert len(trimmed(pair)) == 2
    time.passes(DAY - HOUR)
    assert len(trimmed(pair)) == 2
    assert manifest_of(pair, first).exists()
    time.passes(HOUR)
    assert len(trimmed(pair)) == 2
    assert not manifest_of(pair, first).exists()
    eventually(lambda: not pair.status().findings, 20)
    assert len(pair.status().points) == 2


@pytest.fixture
def away(pair, monkeypatch):
    """The manifests that cannot be read, as when an NFS server is away or too many files are open."""
    found: set[Path] = set()
    really = real_files.content

    def content(path):
        if path in found:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return really(path)

    monkeypatch.setattr(real_files, "content", content)
    monkeypatch.setattr(point_shapes, "READ_AGAIN_SECONDS", -1)
    for number in range(3):
        pair.source.write(pair.fabric_id, number * MiB, noise(64 * KiB))
        pair.point_now()
    pair.pause()
    return found


@pytest.mark.slow
def test_a_read_error_that_passes_deletes_no_point(pair, time, away):
    before = points(pair)
    away |= {manifest_of(pair, each) for each in before[:2]}
    for _ in range(3):
        assert trimmed(pair) == before[2:]
        time.passes(DAY)
    away.clear()
    assert trimmed(pair) == before


@pytest.mark.slow
def test_a_released_hold_waits_on_while_its_point_cannot_be_read(pair, time, away):
    before = points(pair)
    hold(pair, before[0])
    release(pair, before[0])
    away.add(manifest_of(pair, before[0]))
    assert trimmed(pair) == before[1:]
    assert pair.target.replica(pair.machine_id).delayed.spared == {before[0]}


@pytest.mark.slow
def test_a_replica_whose_record_is_damaged_says_so_and_ends_without_its_files(pair):
    pair.pause()
    pair.target.stop()
    folder = pair.target.config.store / "replicas" / pair.machine_id
    record = bytearray((folder / "replica.json").read_bytes())
    record[len(record) // 2] ^= 1
    (folder / "replica.json").write_bytes(record)
    pair.target.start()
    for kind in (Kind.LIST_POINTS, Kind.PREPARE_REPLICA):
        payload = pair.replica_setup() if kind is Kind.PREPARE_REPLICA else None
        assert "replica.json" in pair.target.order(kind, payload, pair.machine_id).problem.message
    report = pair.source.order(Kind.RUN_CYCLE, None, pair.machine_id)
    assert "replica.json" in report.problem.message
    ended = pair.target.order(Kind.REMOVE_REPLICA, None, pair.machine_id)
    assert str(folder) in ended.sentence
    assert list(folder.rglob("*.qcow2"))
