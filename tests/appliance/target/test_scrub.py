"""Rot in a point is found, named, marked, and cannot come back through new points."""

from datetime import UTC, datetime, timedelta

import pytest

from rig.appliances import Pair, policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.target import scrub
from secondsite.appliance.target.scrub_journal import JournalScrub
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.points import PointShape
from secondsite.wire.control.orders import Kind, PointOrder
from tests.support import instants

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AT_ONCE = {"scrub_rest_seconds": 0.1, "scrub_bytes_per_second": 1 << 30}
MARK = b"a block that will rot" * 200


def rot(site, machine_id, content=MARK):
    """Damage `content` where a file of the replica holds it, behind everybody's back; the files that did."""
    hurt = []
    for path in sorted((site.config.store / "replicas" / machine_id / "disks").rglob("*.qcow2")):
        data = path.read_bytes()
        at = data.find(content)
        if at >= 0:
            with path.open("r+b") as file:
                file.seek(at + 100)
                file.write(b"ROT")
            hurt.append(path)
    assert hurt
    return hurt


def damaged(pair):
    return [point.id for point in pair.status().points if point.damaged]


def rotten(pair):
    found = [f for f in pair.status().findings if f.code == "replica-damaged"]
    return found[0].what if found else ""


def verify(pair, point_id):
    return pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id)


def quiet(pair):
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    return pair


def test_every_point_is_read_and_found_whole(make_site):
    a, b = make_site("a").start(), make_site("b").start(**AT_ONCE)
    pair = Pair(a, b, a.make_machine()).protect().synchronized()
    for number in range(2):
        a.write(pair.fabric_id, number * MiB, noise(256 * KiB))
        pair.point_now()
    quiet(pair)
    eventually(lambda: all(point.verified_at for point in pair.status().points), 40)
    assert damaged(pair) == []
    assert rotten(pair) == ""


@pytest.mark.parametrize("slice_bytes", [64 * MiB, 2 * MiB])
def test_rot_is_found_named_and_new_points_are_whole_again(make_site, slice_bytes):
    a, b = make_site("a", slice_bytes=slice_bytes).start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(6 * MiB))
    a.write(pair.fabric_id, 1 * MiB, MARK)
    pair.protect().synchronized()
    old = pair.point_now()
    quiet(pair)
    sent = pair.source_status().total_wire_bytes
    b.stop()
    rot(b, pair.machine_id)
    b.start(**AT_ONCE)
    eventually(lambda: old in damaged(pair), 40)
    assert "web01" in rotten(pair)
    assert old in rotten(pair)
    assert "vda" in rotten(pair)
    a.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    eventually(lambda: not b.replica(pair.machine_id).verdicts.wants_comparison, 30)
    eventually(lambda: "resynchronizing" not in [f.code for f in pair.source_status().findings], 30)
    new = eventually(lambda: whole_point(pair), 30)
    assert b.point_bytes(pair.machine_id, new) == a.read(pair.fabric_id)
    healed = pair.source_status().total_wire_bytes - sent
    print(f"rot healed with {healed} bytes of {8 * MiB}")
    assert healed < 1 * MiB
    eventually(lambda: next(p for p in pair.status().points if p.id == new).verified_at, 40)
    assert new not in damaged(pair)
    assert old in damaged(pair)
    assert pair.source_status().findings == ()


def whole_point(pair):
    """A new point, once the source goes on; None while it is refused."""
    report = pair.source.order(Kind.RUN_CYCLE, None, pair.machine_id)
    if report.problem or not report.facts["point_id"]:
        return None
    eventually(lambda: report.facts["point_id"] in [point.id for point in pair.status().points])
    return report.facts["point_id"]


def test_an_order_to_verify_tells_rot_and_marks_the_point_over_a_restart(pair):
    pair.source.write(pair.fabric_id, 1 * MiB, MARK)
    pair.protect().synchronized()
    point_id = pair.point_now()
    quiet(pair)
    assert verify(pair, point_id).problem is None
    assert damaged(pair) == []
    pair.target.stop()
    rot(pair.target, pair.machine_id)
    pair.target.start()
    assert verify(pair, point_id).problem.code == "point-damaged"
    assert point_id in damaged(pair)
    pair.target.stop()
    pair.target.start()
    assert point_id in damaged(pair)
    assert point_id in rotten(pair)


def test_a_point_that_reads_well_again_is_no_longer_marked(pair):
    pair.source.write(pair.fabric_id, 1 * MiB, MARK)
    pair.protect().synchronized()
    point_id = pair.point_now()
    quiet(pair)
    pair.target.stop()
    (path,) = rot(pair.target, pair.machine_id)
    pair.target.start()
    assert verify(pair, point_id).problem is not None
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(data.find(b"ROT"))
        file.write((MARK * 2)[100:103])
    assert verify(pair, point_id).problem is None
    assert damaged(pair) == []
    assert rotten(pair) == ""


def test_an_image_that_is_no_image_any_more_is_damage_too(pair):
    pair.protect().synchronized()
    pair.source.write(pair.fabric_id, 1 * MiB, MARK)
    point_id = pair.point_now()
    quiet(pair)
    pair.target.stop()
    (path,) = rot(pair.target, pair.machine_id)
    with path.open("r+b") as file:
        file.write(bytes(64))
    pair.target.start()
    assert verify(pair, point_id).problem.code == "point-damaged"


def test_reading_keeps_to_its_rate(make_site):
    a, b = make_site("a").start(), make_site("b")
    b.start(scrub_rest_seconds=0.1, scrub_bytes_per_second=4 * MiB)
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(8 * MiB))
    noted = []
    with seams.armed(
        lambda name: noted.append(datetime.now(UTC)) if name.startswith("appliance.scrub.") else None
    ):
        pair.protect().synchronized()
        synchronized = datetime.now(UTC)
        eventually(lambda: any(point.verified_at for point in pair.status().points), 40)
    assert (noted[0] - synchronized).total_seconds() > 1.0


@pytest.mark.parametrize(
    ("ages", "wanted"),
    [
        ([None, None], "p2"),
        ([None, 10], "p1"),
        ([10, 20], None),
        ([8 * 86400, 9 * 86400], "p2"),
        ([8 * 86400, 10], "p1"),
    ],
)
def test_the_next_point_is_the_newest_unread_then_the_one_read_longest_ago(ages, wanted):
    points = [
        PointShape(
            id=f"p{seq}", taken_at=NOW, epoch=1, seq=seq,
            verified_at=None if age is None else NOW - timedelta(seconds=age),
        )
        for seq, age in enumerate(ages, start=1)
    ]  # fmt: skip
    found = scrub.next_point(points, NOW, 7 * 86400)
    assert (found and found.id) == wanted


def test_the_journal_is_read_though_points_come_faster_than_they_can_be_read(make_site):
    a, b = make_site("a").start(), make_site("b")
    b.start(scrub_rest_seconds=0.1, scrub_bytes_per_second=2 * MiB)
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(4 * MiB))
    often = policy(crash_consistent_every_seconds=1)
    b.do(Kind.PREPARE_REPLICA, pair.replica_setup(policy=often), pair.machine_id)
    a.do(Kind.START_REPLICATION, pair.source_setup(policy=often), pair.machine_id)
    pair.synchronized()
    instants.write(pair, 3)
    assert None in {point.verified_at for point in pair.status().points}
    kept = b.replica(pair.machine_id).replica.journal
    newest = kept.entries()[-1]
    kept.path(newest).write_bytes(b"rot")
    eventually(lambda: "journal-damaged" in [finding.code for finding in pair.status().findings], 20)


def test_the_journal_is_read_once_then_what_is_new_with_rest_for_all_bytes(pair):
    pair.protect().synchronized()
    instants.write(pair, 2, size_bytes=2 * MiB)
    quiet(pair)
    host, rested, unwanted = pair.target.appliance.host, [], [True]
    journals = JournalScrub(host, 3600, lambda _: unwanted[0], lambda count, _: rested.append(count))

    def read_all():
        rested.clear()
        journals.begin_round()
        while journals.serve_one():
            pass
        return sum(rested)

    assert read_all() == 0
    unwanted[0] = False
    assert 3 * MiB < read_all() <= 4 * MiB  # what is less than a MiB waits for more
    assert read_all() == 0
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    instants.write(pair, 1, size_bytes=2 * MiB)
    quiet(pair)
    assert 1 * MiB <= read_all() <= 3 * MiB
