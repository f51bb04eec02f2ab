"""Links that break, bits that flip, disks that fill and daemons that die: said, survived, made up for."""

import contextlib
import os
import signal
import sqlite3
import time
from typing import Any

import pytest

from rig.appliances import Pair
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.ground import seams
from secondsite.ground.units import KiB, MiB
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.orders import Kind, PointOrder, RunCycle, StopReplication

pytestmark = pytest.mark.slow


def codes(pair):
    return {finding.code for finding in (*pair.source_status().findings, *pair.status().findings)}


def whole_again(pair):
    """A new point that equals the disk, and nothing left to say."""
    point_id = eventually(lambda: next_point(pair), 30)
    assert pair.target.point_bytes(pair.machine_id, point_id) == pair.source.read(pair.fabric_id)
    eventually(lambda: codes(pair) == set(), 15)


def next_point(pair):
    """A new point that is processed; None while that is refused."""
    try:
        return pair.point_now()
    except (AssertionError, OrderFailed):
        return None


@pytest.fixture
def linked(make_site):
    """A protected machine whose cycles pass a link; the limiter makes them last."""
    a, b = make_site("a").start(), make_site("b").start()
    link = Relay(b.port)
    pair = Pair(a, b, a.make_machine())
    pair.protect(target_addresses=(f"127.0.0.1:{link.port}",)).synchronized()
    yield pair, link
    link.close()


def test_a_link_that_is_cut_in_the_middle_of_a_cycle_and_comes_back_costs_only_that_cycle(linked):
    pair, link = linked
    pair.source.limit(2 * MiB)
    before = link.passed_bytes()
    pair.source.write(pair.fabric_id, 0, noise(5 * MiB))
    eventually(lambda: link.passed_bytes() - before > 1 * MiB, 20)
    link.cut()
    eventually(lambda: "peer-unreachable" in codes(pair), 15)
    pair.source.write(pair.fabric_id, 6 * MiB, noise(512 * KiB))
    assert list(pair.source.config.scratch.iterdir()) == []
    pair.source.limit(None)
    link.up = True
    began = time.monotonic()
    whole_again(pair)
    passed = link.passed_bytes() - before
    print(
        f"in step {time.monotonic() - began:.1f} s after the link was back; {passed} bytes passed for "
        f"{5.5 * MiB:.0f}"
    )
    assert passed < 13 * MiB


@pytest.mark.parametrize("seam", ["merge.intended", "merge.begun", "merge.renamed"])
def test_a_storage_daemon_that_dies_in_the_middle_of_a_merge_loses_no_point(pair, seam, record_property):
    pair.protect().synchronized()
    kept = {}
    for number in range(3):
        pair.source.write(pair.fabric_id, number * MiB, noise(256 * KiB))
        kept[pair.point_now()] = pair.source.read(pair.fabric_id)
    pair.source.do(Kind.PAUSE_REPLICATION, machine_id=pair.machine_id)
    daemon = pair.target.appliance.host.daemon
    killed: list[Any] = []

    def kill(name):
        if name == f"appliance.replica.{seam}" and not killed and daemon.pid is not None:
            killed.append(daemon.pid)
            os.kill(daemon.pid, signal.SIGKILL)

    doomed = next(iter(kept))
    del kept[doomed]
    with seams.armed(kill):
        began = time.monotonic()
        pair.target.drop(pair.machine_id, doomed)
    assert killed
    record_property("seconds_until_merged", round(time.monotonic() - began, 2))
    print(f"figure seconds_until_merged_{seam} = {time.monotonic() - began:.2f}")
    assert doomed not in [point.id for point in pair.status().points]
    for point_id, content in kept.items():
        assert pair.target.point_bytes(pair.machine_id, point_id) == content
        assert (
            pair.target.order(Kind.VERIFY_POINT, PointOrder(point_id=point_id), pair.machine_id).problem
            is None
        )
    pair.source.do(Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
    pair.source.write(pair.fabric_id, 5 * MiB, noise(256 * KiB))
    whole_again(pair)


@pytest.mark.parametrize("column", ["setup", "progress"])
def test_one_record_of_a_source_that_cannot_be_read_keeps_no_other_machine_from_its_cycles(sites, column):
    a, b = sites
    lost, other = (Pair(a, b, a.make_machine(name), name=name) for name in ("web01", "web02"))
    for pair in (lost, other):
        pair.protect().synchronized()
    a.stop()
    written(a, f"UPDATE sources SET {column} = '{{' WHERE machine_id = ?", lost.machine_id)
    a.start()
    a.write(other.fabric_id, 0, noise(64 * KiB))
    assert other.point_bytes(other.point_now()) == a.read(other.fabric_id)
    problem = a.order(Kind.RUN_CYCLE, RunCycle(), lost.machine_id).problem
    assert problem.code == "not-found"
    assert f"record of machine {lost.machine_id} in {a.config.state_file} cannot be read" in problem.message
    assert "'secondsite machine resynchronize MACHINE'" in problem.do
    a.do(Kind.START_REPLICATION, lost.source_setup(sync=SyncMode.COMPARE), lost.machine_id)
    a.write(lost.fabric_id, 0, noise(64 * KiB))
    eventually(lambda: next_point(lost), 30)
    a.restart()
    assert len(a.appliance.replication.sources()) == 2


def test_a_record_of_a_source_that_cannot_be_read_goes_with_its_protection_and_keeps_its_fence(pair):
    pair.protect().synchronized().pause()
    a = pair.source
    a.stop()
    written(a, "UPDATE sources SET progress = '{' WHERE machine_id = ?", pair.machine_id)
    a.start()
    with pytest.raises(Exception, match="start here is forbidden"):
        a.fabric.power.shut_down(pair.fabric_id, 5) and a.fabric.power.start(pair.fabric_id)
    old = eventually(a.appliance.replication.old_copies.statuses, 20)
    assert [each.machine_id for each in old] == [pair.machine_id]
    a.do(Kind.STOP_REPLICATION, StopReplication(forget=True), pair.machine_id)
    assert a.appliance.state.sources() == {}


def test_one_record_of_a_drill_network_that_cannot_be_read_keeps_no_appliance_from_starting(pair):
    pair.protect().synchronized()
    pair.target.appliance.state.put_fact("drill-network/x/y", "{}")
    pair.target.restart()
    pair.point_now()


def written(site, statement, *values):
    """Somebody, or a broken disk, changed the database of an appliance that does not run."""
    with contextlib.closing(sqlite3.connect(site.config.state_file)) as db, db:
        assert db.execute(statement, values).rowcount == 1


@pytest.mark.parametrize("damage", ["null", '"x"', "[]", "[" * 100_000, '{"version": null}', ""])
def test_one_replica_whose_record_is_damaged_keeps_no_other_one_from_being_opened(sites, damage):
    a, b = sites
    lost, other = (Pair(a, b, a.make_machine(name), name=name) for name in ("web01", "web02"))
    for pair in (lost, other):
        pair.protect().synchronized()
    b.stop()
    (b.replica_folder(lost.machine_id) / "replica.json").write_text(damage)
    b.start()
    other.point_now()
    problem = b.order(Kind.PREPARE_REPLICA, lost.replica_setup(), lost.machine_id).problem
    assert "cannot be read" in problem.message
