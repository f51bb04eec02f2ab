"""Between two points any processed cycle can be started, by its time; and the journal never takes room
that is needed."""

from datetime import timedelta

import pytest

from rig.appliances import DISK_BYTES, Pair, policy, runs
from rig.appliances.runs import close, turned
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import HomeFull
from secondsite.appliance.target import trimming
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import CommitPoint, FindInstant, Kind, RemoveReplica, UpdatePolicy
from tests.support.instants import drilled, find, now, start, until_processed, write

pytestmark = [pytest.mark.slow, pytest.mark.longest]


def refusal(pair, at):
    report = pair.target.order(Kind.FIND_INSTANT, FindInstant(at=at), pair.machine_id)
    assert report.problem is not None
    assert report.problem.code == "not-found"
    return report.problem.message


def assert_refused(pair, at):
    """With what is possible now: as much as the status tells. Cycles go on, and one may come between what
    is asked and what is told."""

    def agree():
        stretches = pair.target.replica(pair.machine_id).cycles.stretches(pair.status().points)
        some = any(each.cycles for each in stretches)
        return ("possible is any cycle from" if some else "holds no cycles") in refusal(pair, at)

    eventually(agree)


def newest_until(pair, at):
    """The point that an instant begins from: the policy may have left one more than a test has asked for."""
    return [point.id for point in pair.status().points if point.taken_at <= at][-1]


def journal(pair):
    return pair.target.replica(pair.machine_id).replica.journal


def test_a_drill_and_a_failover_start_from_any_cycle_by_its_time(pair):
    began = now()
    pair.protect().synchronized()
    written = write(pair, 2)
    point_id = pair.point_now()
    written += write(pair, 2)
    for at, content in written:
        instant = find(pair, at)
        assert instant.taken_at <= at
        assert instant.cycles > 0
        assert drilled(pair, instant) == content
    assert find(pair, written[-1][0]).point_id == newest_until(pair, written[-1][0]) >= point_id
    for outside in (began, now() + timedelta(minutes=1)):
        assert "possible is any cycle from" in refusal(pair, outside)

    at, content = written[0]
    close(pair)
    fabric_id = start(pair, "failover", find(pair, at))["fabric_id"]
    assert pair.target.read(fabric_id) == content
    run = pair.target.replica(pair.machine_id).replica.state.run("failover")
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=run.point_id), pair.machine_id)
    assert journal(pair).entries() == []
    reverse = turned(pair, fabric_id)
    # the first instant of this epoch is a point of another direction, whatever cycles came before
    for before, _ in written:
        assert_refused(reverse, before)
    assert reverse.target.point_bytes(reverse.machine_id, reverse.point_now()) == content
    (at, content) = write(reverse, 1)[0]
    instant = find(reverse, at)
    assert instant.forward.epoch == reverse.epoch == 2
    assert drilled(reverse, instant) == content
    for before, _ in written:
        assert_refused(reverse, before)


def test_the_journal_outlives_the_appliance_and_goes_with_the_replica(pair):
    pair.protect().synchronized()
    at, content = write(pair, 1)[0]
    kept = journal(pair).entries()
    pair.target.stop()
    pair.target.start()
    assert journal(pair).entries()[: len(kept)] == kept
    assert drilled(pair, find(pair, at)) == content
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
    assert not list(pair.target.config.store.rglob("*.cycle"))


def test_no_instant_has_half_of_a_disk_that_was_included_again(make_site):
    a, b = make_site("a", slice_bytes=2 * MiB).start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine(disks=2))
    old, new = noise(DISK_BYTES), noise(DISK_BYTES)
    a.write(pair.fabric_id, 0, old, key="vdb")
    pair.protect().synchronized()
    write(pair, 1)
    b.stop()
    for disks, left_out in ((("vda",), ("vdb",)), (("vda", "vdb"), ())):
        setup = pair.source_setup(disks=disks, left_out=left_out)
        a.do(Kind.START_REPLICATION, setup, pair.machine_id)
    a.write(pair.fabric_id, 0, new, key="vdb")
    assert a.source_status(pair.machine_id).sync_mode == SyncMode.COMPARE
    b.start()
    eventually(lambda: len(pair.status().points) > 1 and not pair.source_status().sync_mode, 30)
    joined = pair.status().points[-1]
    assert pair.point_bytes(joined.id, "vdb") == new
    before = [entry.taken_at for entry in journal(pair).entries() if entry.taken_at < joined.taken_at]
    assert before
    for at in before:
        assert drilled(pair, find(pair, at), "vdb") == old
    assert_refused(pair, joined.taken_at - timedelta(microseconds=1))


def test_a_comparison_of_all_blocks_in_parts_ends_what_can_be_recovered_until_its_point(make_site):
    a, b = make_site("a", slice_bytes=2 * MiB).start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine())
    a.write(pair.fabric_id, 0, noise(DISK_BYTES))  # a slice is measured by what is in it
    pair.protect().synchronized()
    at, content = write(pair, 1)[0]
    write(pair, 1, offset=3 * MiB)  # with a cycle after it, the instant is not at the open end of its stretch
    points = len(pair.status().points)
    pair.source.write(pair.fabric_id, 0, noise(64 * KiB))
    pair.source.do(Kind.RESYNCHRONIZE, machine_id=pair.machine_id)
    eventually(lambda: len(pair.status().points) > points and not pair.source_status().sync_mode, 30)
    compared_at = pair.status().points[-1].taken_at
    assert "any cycle from" in refusal(pair, compared_at - timedelta(microseconds=1))
    assert drilled(pair, find(pair, at)) == content
    later, content = write(pair, 1)[0]
    instant = find(pair, later)
    assert instant.point_id == newest_until(pair, later)
    assert drilled(pair, instant) == content


def test_the_journal_keeps_to_its_budget_and_to_its_age(make_site):
    a, b = make_site("a").start(), make_site("b", journal_budget_bytes=300 * KiB).start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    written = write(pair, 3, size_bytes=128 * KiB)
    assert journal(pair).stored_bytes() <= 300 * KiB
    # what came after the point first is what fits, and can be reached
    assert drilled(pair, find(pair, written[0][0])) == written[0][1]
    assert "any cycle from" in refusal(pair, written[2][0])
    point_id = pair.point_now()
    at, content = write(pair, 1)[0]
    instant = find(pair, at)
    assert instant.point_id == newest_until(pair, at) >= point_id
    assert drilled(pair, instant) == content

    pair.target.do(Kind.UPDATE_POLICY, UpdatePolicy(policy=policy(journal_seconds=1)), pair.machine_id)
    first = journal(pair).entries()[0]
    eventually(lambda: pair.point_now() and first not in journal(pair).entries(), 30)
    pair.target.do(Kind.UPDATE_POLICY, UpdatePolicy(policy=policy(journal_seconds=0)), pair.machine_id)
    eventually(lambda: not journal(pair).entries())
    until_processed(pair, now())
    assert not journal(pair).entries()


def test_a_budget_that_was_made_smaller_holds_from_the_next_start_on(make_site):
    a, b = make_site("a").start(), make_site("b").start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    written = write(pair, 2, size_bytes=256 * KiB)
    pair.point_now()
    at, content = write(pair, 1, size_bytes=64 * KiB)[0]
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    b.stop()
    b.start(journal_budget_bytes=300 * KiB)
    eventually(lambda: journal(pair).stored_bytes() <= 300 * KiB)
    assert_refused(pair, written[0][0])
    assert drilled(pair, find(pair, at)) == content


def test_a_replica_that_was_made_anew_knows_no_instant_of_the_one_before(pair):
    pair.protect().synchronized()
    at, _ = write(pair, 1)[0]
    pair.source.do(Kind.STOP_REPLICATION, machine_id=pair.machine_id)
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(), pair.machine_id)
    pair.epoch += 1
    pair.protect().synchronized()
    assert_refused(pair, at)
    later, content = write(pair, 1)[0]
    assert_refused(pair, at)
    assert drilled(pair, find(pair, later)) == content


def test_a_long_drill_of_one_cycle_does_not_keep_the_journal_from_moving_on(pair):
    pair.protect().synchronized()
    at, content = write(pair, 1)[0]
    fact = start(pair, "drill", find(pair, at))
    pair.target.do(
        Kind.UPDATE_POLICY,
        UpdatePolicy(policy=policy(journal_seconds=1, retention_seconds=0)),
        pair.machine_id,
    )
    newest = pair.point_now()
    eventually(lambda: pair.cycle_now() and journal(pair).entries()[0].taken_at > at, 30)
    assert {point.id for point in pair.status().points} >= {newest}
    pair.target.write(fact["fabric_id"], 0, b"x" * 4096)
    assert pair.target.read(fact["fabric_id"])[4096:] == content[4096:]


def test_kept_cycles_give_way_before_the_store_is_full(make_site, small):
    a = make_site("a").start()
    b = make_site("b", store=small("small", 24 * MiB)).start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    for _ in range(18):
        pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
        until_processed(pair, now())
        assert "target-store-full" not in [finding.code for finding in pair.status().findings]
        assert not pair.source_status().findings
    assert 0 < len(journal(pair).entries()) < 18
    assert pair.target.point_bytes(pair.machine_id, pair.point_now()) == pair.source.read(pair.fabric_id)


def full(*_said):
    raise HomeFull("No space left for appliance.db.", do="Free space there.")


def test_a_full_home_costs_no_kept_cycle_and_no_reserve(pair, monkeypatch):
    """Orders failed all the same, and no machine of the store could go back to an instant any more."""
    pair.protect().synchronized()
    write(pair, 2)
    close(pair)
    kept, reserve = journal(pair).entries(), pair.target.appliance.host.stores.default.reserve
    assert kept
    for name in ("put_fact", "put_replica"):
        monkeypatch.setattr(pair.target.appliance.state, name, full)
    with pytest.raises(OrderFailed, match="No space left"):
        runs.start(pair, "failover", pair.status().points[-1].id)
    shorter = UpdatePolicy(policy=policy(journal_seconds=3600, crash_consistent_every_seconds=1800))
    with pytest.raises(OrderFailed, match="No space left"):
        pair.target.do(Kind.UPDATE_POLICY, shorter, pair.machine_id)
    assert journal(pair).entries() == kept
    assert reserve.held_bytes > 0


def test_work_on_a_replica_that_fails_for_a_full_home_costs_no_kept_cycle_and_is_told(pair, monkeypatch):
    pair.protect().synchronized()
    write(pair, 2)
    pair.pause()
    kept, hosted = journal(pair).entries(), pair.target.replica(pair.machine_id)
    with monkeypatch.context() as home:
        home.setattr(trimming, "trim", full)
        hosted.wants_trim = True
        pair.target.appliance.work.wanted(hosted)
        (told,) = eventually(lambda: pair.status().findings, 20)
    assert (told.code, told.what) == ("cycle-failed", "No space left for appliance.db. Free space there.")
    assert journal(pair).entries() == kept
    eventually(lambda: not pair.status().findings, 40)
