"""A removed replica and the points that a commit removes stay for the deletion delay, and a machine can be
made from them."""

import contextlib
import dataclasses
from datetime import datetime, timedelta

import pytest

from rig import dying
from rig.appliances import Pair, runs
from secondsite.appliance.source import cycle_plan
from secondsite.appliance.target.trash import FILE, Why, by_hand
from secondsite.domain import errors
from secondsite.ground import seams
from secondsite.ground.units import DAY, HOUR
from secondsite.wire.control.orders import CommitPoint, Kind, RemoveReplica
from tests.appliance.support_deleted import hold, lower, points, release, trimmed
from tests.appliance.target.trash.support_trash import (
    DELAY,
    bytes_of,
    more,
    remove,
    restored,
    the_item,
    trash,
    written,
)  # fmt: skip

pytestmark = pytest.mark.slow


def test_a_removed_replica_stays_with_its_points_and_the_machine_can_be_protected_anew(pair, time):
    contents = written(pair)
    remove(pair)
    item = the_item(pair.target)
    assert (item.removed.machine_name, item.removed.why) == ("web01", Why.ENDED)
    assert not pair.target.replica_folder(pair.machine_id).exists()
    assert pair.target.appliance.host.find(pair.machine_id) is None
    again = Pair(pair.source, pair.target, pair.fabric_id)
    later = written(again)
    for point_id, content in contents.items():
        assert bytes_of(item, point_id) == content
    for point_id, content in later.items():
        assert again.point_bytes(point_id) == content
    remove(again)
    assert len(trash(pair.target).items()) == 2


def test_a_person_at_the_target_makes_a_machine_from_any_point_of_it(pair, time):
    contents = written(pair)
    remove(pair)
    pair.target.stop()
    first = next(iter(contents))
    made = restored(pair.target, the_item(pair.target), first)
    assert (made.name, made.tag) == ("web01-restored", None)
    pair.target.fabric.power.start(made.fabric_id)
    assert pair.target.read(made.fabric_id) == contents[first]
    pair.target.write(made.fabric_id, 0, b"x" * 4096)
    again = by_hand.restore(
        pair.target.fabric, the_item(pair.target), pair.target.config.store, None, first, None
    )
    assert "already" in again
    for point_id, content in contents.items():
        assert bytes_of(the_item(pair.target), point_id) == content
    with pytest.raises(errors.NotPossibleNow, match="web01-restored stands on"):
        by_hand.let_go(pair.target.fabric, the_item(pair.target))
    with pytest.raises(errors.NotFound):
        restored(pair.target, the_item(pair.target), "p9")


def test_what_a_person_restored_stays_when_the_delay_is_over(pair, time):
    written(pair)
    remove(pair)
    pair.target.stop()
    restored(pair.target, the_item(pair.target))
    time.passes(2 * DELAY)
    trash(pair.target).empty()
    assert the_item(pair.target).restored


def test_the_trash_is_emptied_when_the_delay_is_over_and_a_reboot_shortens_it_not(pair, time):
    written(pair)
    remove(pair)
    time.passes(DELAY - DAY)
    trash(pair.target).empty()
    time.begins_anew()
    time.passes(400 * DAY)
    trash(pair.target).empty()
    assert the_item(pair.target).left_seconds(DELAY) == pytest.approx(DAY, abs=60)
    time.passes(DAY)
    trash(pair.target).empty()
    assert list((pair.target.config.store / "trash").iterdir()) == []


def test_an_item_whose_record_is_damaged_counts_as_removed_now(pair, time):
    written(pair)
    remove(pair)
    (the_item(pair.target).folder / FILE).write_bytes(b"{")
    time.passes(2 * DELAY)
    trash(pair.target).empty()
    assert the_item(pair.target).removed.points == 4
    time.passes(DELAY)
    trash(pair.target).empty()
    assert trash(pair.target).items() == []


@pytest.mark.parametrize("damage", ["null", '"x"', "[" * 100_000, "{"])
def test_one_replica_in_the_trash_whose_record_is_damaged_keeps_no_other_one_there(sites, time, damage):
    a, b = sites
    one, other = (Pair(a, b, a.make_machine(name), name=name) for name in ("web01", "web02"))
    for pair in (one, other):
        pair.protect().synchronized()
        remove(pair)
    damaged, gone = trash(b).items()
    (damaged.folder / "replica.json").write_text(damage)
    time.passes(2 * DELAY)
    trash(b).empty()
    assert [item.name for item in trash(b).items()] == [damaged.name]
    assert not gone.folder.exists()


def test_an_item_that_says_no_time_zone_keeps_no_other_one_in_the_trash(sites, time):
    a, b = sites
    for name in ("web01", "web02"):
        pair = Pair(a, b, a.make_machine(name), name=name)
        pair.protect().synchronized()
        remove(pair)
    odd = trash(b).items()[0].folder / FILE
    odd.write_text(odd.read_text().replace('Z",', '",'))
    time.passes(2 * DELAY)
    trash(b).empty()
    assert len(trash(b).items()) == 1


def test_a_replica_without_points_goes_at_once_and_every_one_where_the_delay_is_off(pair):
    pair.target.do(Kind.PREPARE_REPLICA, pair.replica_setup(), pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
    assert trash(pair.target).items() == []
    pair.target.restart(deletion_delay_seconds=0)
    written(pair)
    remove(pair)
    assert trash(pair.target).items() == []
    assert list((pair.target.config.store / "replicas").iterdir()) == []


def test_the_points_that_a_commit_removes_stay_through_the_way_back(pair, time):
    contents = written(pair)
    chosen = list(contents)[1]
    hold(pair, list(contents)[2])
    reverse = runs.turned(pair, runs.fail_over(pair, chosen))
    item = the_item(pair.target)
    assert item.removed.why is Why.COMMITTED
    for point_id, content in contents.items():
        assert bytes_of(item, point_id) == content
    home = runs.fail_over(reverse, reverse.point_now())
    forth = runs.turned(reverse, home)  # the run of the first commit is merged
    more(forth)
    for point_id, content in contents.items():
        assert bytes_of(item, point_id) == content
    pair.target.stop()
    made = restored(pair.target, item, list(contents)[2])
    pair.target.fabric.power.start(made.fabric_id)
    assert pair.target.read(made.fabric_id) == contents[list(contents)[2]]


def test_a_failed_over_machine_whose_protection_ends_runs_on_and_its_points_stay(pair, time):
    contents = written(pair)
    away = runs.fail_over(pair, list(contents)[2])
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True, ended=True), pair.machine_id)
    item = the_item(pair.target)
    for point_id, content in contents.items():
        assert bytes_of(item, point_id) == content
    assert pair.target.read(away) == contents[list(contents)[2]]


def test_of_a_replica_whose_failover_was_committed_no_point_is_promised(pair, time):
    """Nothing can be started from it: its one point is the machine that runs."""
    chosen = list(written(pair))[1]
    runs.fail_over(pair, chosen)
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=chosen), pair.machine_id)
    host = pair.target.appliance.host
    said = host.remove(host.get(pair.machine_id))
    assert "its files stay at this site for 14 days" in said
    assert "can be restored" not in said


def reached(pair):
    """The seams of a removal."""
    names: list[str] = []
    with seams.armed(names.append):
        remove(pair)
    return names


def test_a_removal_that_dies_at_any_seam_leaves_a_whole_replica_here_or_in_the_trash(pair, time):
    written(pair, 1)
    count = len(reached(pair))
    before = len(trash(pair.target).items())
    for number in range(1, count + 1):
        each = Pair(pair.source, pair.target, pair.fabric_id)
        contents = written(each, 1)
        with seams.armed(_dies_at(number)), contextlib.suppress(dying.Killed):
            remove(each)
        pair.source.restart()
        pair.target.restart()
        remove(each)
        items = trash(pair.target).items()
        assert len(items) == before + 1, number
        before += 1
        (point_id, content) = next(iter(contents.items()))
        assert bytes_of(items[-1], point_id) == content
        assert not pair.target.replica_folder(each.machine_id).exists()
        assert pair.target.appliance.state.replicas() == {}


def _dies_at(number):
    left = [number]

    def callback(name):
        left[0] -= 1
        if left[0] == 0:
            raise dying.Killed(name)

    return callback


@pytest.fixture
def lie(monkeypatch):
    """While it is true, the source's appliance back-dates its points and puts them into sets of its own."""
    lies, true_header = [False], cycle_plan.CyclePlan.header

    def header(self, seq, definition):
        found = true_header(self, seq, definition)
        if not lies[0]:
            return found
        said = datetime.fromisoformat(found.taken_at) - timedelta(minutes=1)
        point = {**found.point, "set_id": f"forged-{seq}"} if found.point else None
        return dataclasses.replace(found, taken_at=said.isoformat(), point=point)

    monkeypatch.setattr(cycle_plan.CyclePlan, "header", header)
    return lambda whether: lies.__setitem__(0, whether)


def test_a_stolen_token_and_a_hostile_source_leave_every_point_that_the_site_promised(pair, time, lie):
    """The attack of the review: all that the vault and the source may order, in a row."""
    pair.protect().synchronized()
    pair.pause()
    lower(pair, DAY)
    contents: dict[str, bytes] = {}
    for _ in range(4):
        time.passes(HOUR)
        contents |= more(pair, 1)
        lie(True)
        more(pair, 2)
        lie(False)
    ids = list(contents)
    hold(pair, ids[0])
    lower(pair)
    release(pair, ids[0])
    time.passes(3 * HOUR)
    more(pair, 1)
    assert set(trimmed(pair)) >= set(ids)
    run_point = points(pair)[-1]
    runs.fail_over(pair, run_point)
    orders = (
        (Kind.COMMIT_POINT, CommitPoint(point_id=run_point)),
        (Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True, ended=True)),
        (Kind.REMOVE_REPLICA, RemoveReplica(ended=True)),
    )
    for kind, payload in orders:
        pair.target.order(kind, payload, pair.machine_id)
    pair.target.restart()
    time.passes(DELAY - DAY)
    trash(pair.target).empty()
    items = trash(pair.target).items()
    for point_id, content in contents.items():
        assert next(bytes_of(item, point_id) for item in items if point_id in ids_of(item)) == content
    pair.target.stop()
    made = restored(pair.target, next(each for each in items if ids[1] in ids_of(each)), ids[1])
    pair.target.fabric.power.start(made.fabric_id)
    assert pair.target.read(made.fabric_id) == contents[ids[1]]


def ids_of(item):
    return {path.stem for path in item.folder.glob("points/*.json")}
