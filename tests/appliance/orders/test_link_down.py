"""The link between the sites goes down, or the target takes nothing, when the machine is off for a planned
failover: it does not stay off for long."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rig import images
from rig.appliances import Pair, policy
from rig.eventually import eventually
from rig.noise import noise
from rig.relay import Relay
from secondsite.appliance.orders import source_cycles
from secondsite.fabrics.interface import PowerState
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control.orders import Kind, Restart, RunCycle, ShutDown, UpdatePolicy
from tests.support.instants import now, until_processed

pytestmark = pytest.mark.slow


@pytest.fixture
def between(make_site, monkeypatch):
    """A pair whose data passes a relay, and the relay; the last cycle waits a second for its peer."""
    monkeypatch.setattr(source_cycles, "LINK_AWAY_SECONDS", 1.0)
    a, b = make_site("a").start(), make_site("b").start()
    relay = Relay(b.port)
    pair = Pair(a, b, a.make_machine())
    pair.protect(target_addresses=(f"127.0.0.1:{relay.port}",)).synchronized()
    yield pair, relay
    relay.close()


def switched_off(pair):
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)


def test_the_last_changes_wait_two_minutes_for_the_link_and_then_say_why(between):
    pair, relay = between
    switched_off(pair)
    relay.cut()
    report = pair.source.order(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id, deadline_seconds=60)
    assert report.problem is not None
    assert report.problem.code == "peer-unreachable"
    assert "the other site has not been reached for" in report.problem.message
    assert "the machine is off meanwhile" in report.problem.message
    assert "Mend the link" in report.problem.do


def test_the_machine_runs_at_its_source_again_and_its_replication_goes_on_when_the_link_is_back(between):
    pair, relay = between
    switched_off(pair)
    relay.cut()
    pair.source.order(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id, deadline_seconds=60)
    pair.source.do(Kind.RESTART, Restart(fabric_id=pair.fabric_id), pair.machine_id)
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING
    relay.up = True
    until_processed(pair, now())
    point_id = pair.point_now()
    assert pair.point_bytes(point_id) == pair.source.read(pair.fabric_id)


def test_a_link_that_is_back_in_time_loses_nothing(between, monkeypatch):
    pair, relay = between
    monkeypatch.setattr(source_cycles, "LINK_AWAY_SECONDS", 60.0)
    switched_off(pair)
    relay.cut()
    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(pair.source.do, Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id)
        eventually(lambda: pair.source_status().findings, 20)
        relay.up = True
        point_id = last.result(timeout=60)["point_id"]
    eventually(lambda: point_id in [point.id for point in pair.status().points], 20)
    disk = images.raw(pair.source.disk_path(pair.fabric_id))
    assert pair.point_bytes(point_id) == disk


def test_a_target_that_processes_nothing_is_waited_for_ten_minutes_and_not_for_an_hour(
    make_site, monkeypatch
):
    monkeypatch.setattr(source_cycles, "REFUSED_SECONDS", 1.0)
    a, b = make_site("a").start(), make_site("b", inbox_budget_bytes=64 * KiB).start()
    pair = Pair(a, b, a.make_machine())
    pair.protect().synchronized()
    with b.replica(pair.machine_id).lock("a test", 10):
        a.write(pair.fabric_id, 0, noise(1 * MiB))
        eventually(lambda: b.replica(pair.machine_id).waiting(), 20)
        switched_off(pair)
        report = a.order(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id, deadline_seconds=60)
    assert report.problem is not None
    assert report.problem.code == "inbox-full"
    assert "the machine is off meanwhile" in report.problem.message
    assert "start the planned failover again" in report.problem.do
    assert a.fabric.power.state(pair.fabric_id) is PowerState.OFF
    point_id = a.do(Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id)["point_id"]
    eventually(lambda: point_id in [point.id for point in pair.status().points], 20)
    assert pair.point_bytes(point_id) == images.raw(a.disk_path(pair.fabric_id))


def test_a_last_cycle_to_a_host_that_is_gone_gives_way_once_another_one_has_the_replica(between, monkeypatch):
    pair, relay = between
    monkeypatch.setattr(source_cycles, "LINK_AWAY_SECONDS", 60.0)
    switched_off(pair)
    relay.cut()
    with ThreadPoolExecutor(1) as pool:
        last = pool.submit(pair.source.order, Kind.RUN_CYCLE, RunCycle(final=True), pair.machine_id)
        eventually(lambda: pair.source_status().findings, 20)
        told = UpdatePolicy(policy=policy(), target_appliance_id="another", target_addresses=("127.0.0.1:1",))
        pair.source.do(Kind.UPDATE_POLICY, told, pair.machine_id, deadline_seconds=20)
        assert last.result(timeout=10).problem is not None
    assert pair.source.appliance.replication.get(pair.machine_id).setup.target_appliance_id == "another"
